#pragma once

namespace wiretax::collectives {

/// PTX of a kernel that reads `vectors` times 16 bytes, `mask` + 1 of them over and over, and
/// leaves a word for each thread, so that nothing can be left out. The driver compiles it for the
/// GPU that is there (PTX ISA 7.0, CUDA 11 and later).
inline constexpr const char* kReadMemory = R"(
.version 7.0
.target sm_80
.address_size 64

.visible .entry read_memory(
    .param .u64 memory_parameter,
    .param .u64 mask_parameter,
    .param .u64 vectors_parameter,
    .param .u64 sink_parameter)
{
    .reg .pred %more;
    .reg .b32 %thread, %block, %threads, %blocks, %first, %all, %sum, %a, %b, %c, %d;
    .reg .b64 %memory, %mask, %vectors, %sink, %i, %stride, %at;

    ld.param.u64 %memory, [memory_parameter];
    ld.param.u64 %mask, [mask_parameter];
    ld.param.u64 %vectors, [vectors_parameter];
    ld.param.u64 %sink, [sink_parameter];
    cvta.to.global.u64 %memory, %memory;
    cvta.to.global.u64 %sink, %sink;

    mov.u32 %thread, %tid.x;
    mov.u32 %block, %ctaid.x;
    mov.u32 %threads, %ntid.x;
    mov.u32 %blocks, %nctaid.x;
    mad.lo.u32 %first, %block, %threads, %thread;
    mul.lo.u32 %all, %threads, %blocks;
    cvt.u64.u32 %i, %first;
    cvt.u64.u32 %stride, %all;
    mov.u32 %sum, 0;
    setp.ge.u64 %more, %i, %vectors;
    @%more bra done;

again:
    and.b64 %at, %i, %mask;
    shl.b64 %at, %at, 4;
    add.u64 %at, %memory, %at;
    ld.global.v4.u32 {%a, %b, %c, %d}, [%at];
    add.u32 %a, %a, %b;
    add.u32 %c, %c, %d;
    add.u32 %sum, %sum, %a;
    add.u32 %sum, %sum, %c;
    add.u64 %i, %i, %stride;
    setp.lt.u64 %more, %i, %vectors;
    @%more bra again;

done:
    mul.wide.u32 %at, %first, 4;
    add.u64 %at, %sink, %at;
    st.global.u32 [%at], %sum;
    ret;
}
)";

}  // namespace wiretax::collectives
