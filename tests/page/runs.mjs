// Folders of results as the programs write them, made up: only their form matters here.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SIZES = [2048, 4096, 8192, 10240, 16384, 65536, 262144, 1048576, 8388608];
export const HOSTILE = '<script>alert(1)</script>';

const context = (program, more) => ({
  wiretax_schema: 1, wiretax_status: 'complete', wiretax_program: `wiretax-${program}`, wiretax_version: '0.1.0',
  date: '2026-11-28T07:00:00+00:00', hosts: ['spark-a', 'spark-b'], ranks: 2, kernel: '6.17.0 aarch64', seed: 1, ...more,
});

const point = (name, us, more = {}) => ({
  name, run_name: name, run_type: 'iteration', iterations: 1, real_time: us, cpu_time: us, time_unit: 'us', label: 'valid',
  bytes: Number(name.slice(name.lastIndexOf(':') + 1)), ranks: 2, samples: 40, operations: 4000,
  mean_lo_us: us * 0.98, mean_hi_us: us * 1.03, p50_us: us * 0.97, ...more,
});

const rate = (size, us) => ({ GBps: size / us / 1e3, bus_GBps: size / us / 1e3, Gbps: (size / us / 1e3) * 8 });

function collective(operation, fabric, kind, backend, base, slower, more = {}) {
  const rows = SIZES.map((size, i) => {
    const us = (base + size / 12e3) * slower;
    const name = `${operation}/backend:${backend}/type:bfloat16/${operation === 'send_recv' ? '' : 'place:out/'}timing:chained/bytes:${size}`;
    return point(name, us, { ...rate(size, us), ...(i === 3 ? { label: 'suspect: mean known to +-7 % only' } : {}) });
  });
  return { rows, context: context('collectives', { wiretax_fabric: fabric, wiretax_fabric_kind: kind, ...more }) };
}

function write(folder, name, { context: told, rows }) {
  writeFileSync(join(folder, name), JSON.stringify({ context: told, benchmarks: rows }));
}

function writeCollectives(folder, file, fabric, kind, backend, base, slower, more) {
  const all = ['all_reduce', 'all_gather', 'send_recv'].map((operation) => collective(operation, fabric, kind, backend, base, slower, more));
  write(folder, file, { context: all[0].context, rows: all.flatMap(({ rows }) => rows) });
}

function links() {
  const rows = [];
  const names = ['rocep1s0f0', 'roceP2p1s0f0'];
  const add = (link, GBps, more) => rows.push(point(`rdma_links/links:${link}/from:0/to:1/bytes:1048576`, 1048576 / GBps / 1e3, { GBps, Gbps: GBps * 8, ...more }));
  names.forEach((name) => add(name, 12.1, { bound_Gbps: 122 }));
  add(names.join('+'), 22.9, { bound_Gbps: 194, links: 2, 'GBps_rocep1s0f0': 11.5, 'GBps_roceP2p1s0f0': 11.4 });
  return { rows, context: context('links', { wiretax_fabric: 'rdma', wiretax_fabric_kind: 'rdma', bound_limits: { '0-1': { [names.join('+')]: 'cage p0', rocep1s0f0: 'PCIe 0000:01' } } }) };
}

function token() {
  const name = 'token/model:Llama-3.1-8B/strategy:tp2/phase:decode/batch:1/context:1024/backend:nccl';
  return { context: context('token', { wiretax_fabric: 'nccl', wiretax_fabric_kind: 'engine' }),
    rows: [{ ...point(`${name}/bytes:1`, 2300, { priced_us: 1900, all_reduce_us: 2200, all_reduce_priced_us: 1820, all_reduce_alone_us: 1900, all_reduce_first_us: 40, all_gather_us: 100, all_gather_priced_us: 80, wire_us: 2300 }), name, run_name: name, bytes: undefined }] };
}

// A run between two hosts; `slower` is how much longer everything takes.
export function twoHosts(folder, slower = 1) {
  mkdirSync(folder, { recursive: true });
  const proof = { wiretax_fabric_path: 'roce_both', wiretax_transport: { verdict: 'RDMA', because: [], proof: [], faults: [], devices: [] } };
  writeCollectives(folder, 'collectives-nccl.json', 'nccl', 'engine', 'nccl', 26, slower, proof);
  writeCollectives(folder, 'collectives-one_shot.json', 'one_shot', 'floor', 'one_shot', 6, slower);
  writeCollectives(folder, 'collectives-mpi-enP7s7.json', 'mpi enP7s7', 'host_mpi', 'mpi', 55, slower);
  const bandwidth = SIZES.map((size) => {
    const us = 2 + size / 12e3;
    return point(`rdma_write_bandwidth/link:rocep1s0f0/from:0/to:1/bytes:${size}`, us, { ...rate(size, us), bound_Gbps: 122, mtu: 4096 });
  });
  const right = bandwidth.map((row) => ({ ...row, name: row.name.replace('rocep1s0f0', 'roceP2p1s0f0') }));
  const failed = { name: 'rdma_read_bandwidth/link:rocep1s0f0/from:0/to:1/bytes:4096', error_occurred: true, error_message: 'skipped: too large for <this> run' };
  write(folder, 'rdma.json', { context: context('rdma', { wiretax_fabric: 'rdma', wiretax_fabric_kind: 'rdma' }), rows: [...bandwidth, ...right, failed] });
  write(folder, 'links.json', links());
  write(folder, 'token-nccl.json', token());
  writeFileSync(join(folder, 'doctor.json'), JSON.stringify({ schema: 1, hosts: [{ host: 'spark-a', who: 'spark-a' }], findings: [
    { id: 'governor-slow', severity: 'fault', who: 'spark-a', evidence: 'governor powersave on 20 cores', fix: 'sudo cpupower frequency-set -g performance' },
    { id: 'mtu-1500', severity: 'warning', who: '', evidence: 'enp1s0f0np0 has MTU 1500', fix: 'ip link set enp1s0f0np0 mtu 9000' }] }));
}

// Names that would be markup, and values that are none.
export function hostile(folder) {
  mkdirSync(folder, { recursive: true });
  const { rows, context: told } = collective('all_reduce', `nccl ${HOSTILE}`, 'engine', 'nccl', 26, 1);
  write(folder, 'collectives-nccl.json', { rows, context: { ...told, hosts: [HOSTILE, '"><img src=x onerror=alert(1)>'], kernel: '</table><h1>kernel', transport: '</script><script>alert(2)</script>' } });
  writeFileSync(join(folder, 'doctor.json'), JSON.stringify({ findings: [{ id: HOSTILE, severity: 'fault', who: HOSTILE, evidence: '&lt;b> \u001b[31m', fix: '<a href=javascript:alert(3)>' }] }));
}

// 10,000 points of many curves.
export function large(folder) {
  mkdirSync(folder, { recursive: true });
  const rows = [];
  for (let curve = 0; curve < 20; ++curve) {
    for (let i = 0; i < 500; ++i) {
      const size = 1024 + 4096 * i;
      const us = 30 + curve + size / 12e3;
      rows.push(point(`all_reduce/backend:nccl/channels:${curve}/type:bfloat16/place:out/timing:chained/bytes:${size}`, us, rate(size, us)));
    }
  }
  write(folder, 'collectives-nccl.json', { rows, context: context('collectives', { wiretax_fabric: 'nccl', wiretax_fabric_kind: 'engine' }) });
}

// Four ranks: over MPI alone nothing decides, since that is nobody's engine.
export function fourRanks(folder, backend) {
  mkdirSync(folder, { recursive: true });
  const { rows, context: told } = collective('all_reduce', `${backend} eth0`, backend === 'nccl' ? 'engine' : 'host_mpi', backend, 60, 1);
  write(folder, 'collectives.json', { rows: rows.map((row) => ({ ...row, ranks: 4 })), context: { ...told, ranks: 4 } });
}

export function onlySkipped(folder) {
  mkdirSync(folder, { recursive: true });
  const rows = ['tcp_bandwidth', 'tcp_round_trip'].map((operation) => ({ name: `${operation}/interface:lo/bytes:1024`, error_occurred: true, error_message: 'skipped: needs at least two ranks' }));
  write(folder, 'tcp.json', { context: context('tcp', {}), rows });
}
