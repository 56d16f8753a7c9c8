// The selectors and charts of the page. Its numbers are those in the page: it scales them, and decides nothing.
'use strict';

(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const byId = (id) => document.getElementById(id);

  function element(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  // {"count": 1, "columns": {"step_s.low": [1], "fits": {"of": [true]}}} to [{step_s: {low: 1}, fits: true}].
  function unpack({ count, columns }) {
    const objects = Array.from({ length: count }, () => ({}));
    for (const [key, column] of Object.entries(columns)) {
      const [name, part] = key.split('.');
      const values = column.of ? objects.map((_, i) => column.of[column.at?.[i] ?? 0]) : column;
      objects.forEach((object, i) => {
        if (part === undefined) object[name] ??= values[i];
        else if (values[i] !== null) (object[name] ??= {})[part] = values[i];
      });
    }
    return objects;
  }

  const runs = data.runs.map((run) => ({
    ...run,
    decided: run.decided.map((at) => ({ ...at, rows: unpack(at.rows), answers: unpack(at.answers) })),
  }));

  // Numbers as text: four figures, and units that fit.
  const figures = (value) => (value >= 1e4 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(4))));
  function seconds(value) {
    if (value < 1e-3) return `${figures(value * 1e6)} us`;
    return value < 1 ? `${figures(value * 1e3)} ms` : `${figures(value)} s`;
  }
  function bytes(value) {
    for (const [unit, size] of [['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 1024]]) {
      if (value >= size) return `${figures(value / size)} ${unit}`;
    }
    return `${figures(value)} B`;
  }

  // Okabe and Ito's colours, which differ for the colour-blind as well; markers differ, too.
  const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#888888', '#b8a800'];
  const markers = ['circle', 'rect', 'triangle', 'rectRot', 'rectRounded']; // each can be hollow
  const parts = { weights: '#0072b2', kv: '#56b4e9', wire: '#d55e00', compute: '#009e73', fixed: '#888888' };

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const charts = {};

  function draw(id, config) {
    const canvas = byId(id);
    if (!canvas || !window.Chart) return;
    canvas.closest('figure').hidden = false;
    charts[id]?.destroy();
    Chart.defaults.color = style('--front');
    Chart.defaults.borderColor = style('--line');
    Chart.defaults.font.family = 'system-ui, sans-serif';
    charts[id] = new Chart(canvas, {
      ...config,
      options: { animation: false, responsive: true, maintainAspectRatio: false, ...config.options },
    });
  }

  // A list to choose from; `values` are [value, text].
  function selector(form, name, text, values, change) {
    const select = element('select', { name, id: `choose-${name}` });
    for (const [value, shown] of values) select.append(element('option', { value, textContent: shown }));
    select.addEventListener('change', change);
    form.append(element('label', {}, text, select));
    form.hidden = false;
    return select;
  }

  // Only a table that scrolls is a stop for the keyboard.
  const stops = new ResizeObserver((seen) => {
    for (const { target } of seen) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute('tabindex');
    }
  });

  const unique = (values) => [...new Set(values)];
  const modelOf = (row) => `${row.model}:${row.quant}`;

  // ---- The answer

  const chosen = {};

  function at() {
    const run = runs[Number(chosen.run?.value ?? 0)];
    return run.decided.find((one) => String(one.context) === chosen.context.value);
  }
  const isChosen = (row) =>
    modelOf(row) === chosen.model.value && String(row.batch) === chosen.batch.value && row.fabric === chosen.network.value;

  function showFacts(rows, answer) {
    const facts = byId('facts');
    facts.replaceChildren();
    const add = (name, value) => facts.append(element('div', {}, element('dt', { textContent: name }), element('dd', { textContent: value })));
    const best = rows.find((row) => row.strategy === (answer.winner ?? answer.contenders)?.[0]);
    if (best) {
      const { low, mid, high } = best.tokens_per_s;
      add(`${best.strategy}, tokens/s`, `${figures(mid)} (${figures(low)} to ${figures(high)})`);
      add('of a step the wire takes', `${Number((100 * best.wire_share).toPrecision(2))} %`);
    }
    const tensor = rows.find((row) => row.allreduce_s !== null);
    if (tensor) {
      add(`all-reduce of ${bytes(tensor.allreduce_bytes)}`, seconds(tensor.allreduce_s));
      if (tensor.break_even_allreduce_s !== null) {
        add(`break-even against ${tensor.break_even_against}`,
          tensor.break_even_allreduce_s > 0 ? seconds(tensor.break_even_allreduce_s) : 'at no time');
      }
    }
    facts.hidden = facts.children.length === 0;
  }

  // The chart's numbers, for those who cannot see it, and for paper.
  function tellParts(rows) {
    const heads = ['strategy', 'tokens/s', 'ms of a step', ...Object.keys(parts).map((part) => (part === 'kv' ? 'KV' : part))];
    const table = element('table', { className: heads.slice(1).map((_, i) => `n${i + 2}`).join(' ') }, element('caption', { textContent: 'In numbers' }));
    const line = (tag, texts, scope) => element('tr', {}, ...texts.map((textContent, i) => element(i === 0 || tag === 'th' ? 'th' : 'td', { textContent, ...(i === 0 || tag === 'th' ? { scope } : {}), className: i > 0 && tag === 'th' ? 'n' : '' })));
    table.append(element('thead', {}, line('th', heads, 'col')), element('tbody', {}, ...rows.map((row) => line('td', [
      row.strategy, ...(row.fits
        ? [figures(row.tokens_per_s.mid), figures(row.step_s.mid * 1e3), ...Object.keys(parts).map((part) => figures(row.parts_s[part] * 1e3))]
        : [row.reason])], 'row'))));
    for (const row of table.tBodies[0].rows) if (row.cells.length === 2) row.cells[1].colSpan = heads.length - 1;
    const box = element('div', { className: 'scroll', role: 'group', ariaLabel: 'The parts of a step in numbers' }, table);
    for (const before of byId('parts-now').children) stops.unobserve(before);
    byId('parts-now').replaceChildren(box);
    stops.observe(box);
  }

  function showParts(rows) {
    if (!byId('chart-parts')) return;
    tellParts(rows);
    const fitting = rows.filter((row) => row.fits);
    byId('chart-parts').parentElement.hidden = !fitting.length;
    byId('chart-parts').closest('figure').hidden = !rows.length;
    if (!fitting.length) return;
    draw('chart-parts', {
      type: 'bar',
      data: {
        labels: fitting.map((row) => row.strategy),
        datasets: Object.entries(parts).map(([part, colour]) => ({
          label: part === 'kv' ? 'KV' : part,
          data: fitting.map((row) => row.parts_s[part] * 1e3),
          backgroundColor: colour,
        })),
      },
      options: {
        indexAxis: 'y',
        scales: { x: { stacked: true, title: { display: true, text: 'ms of a step' } }, y: { stacked: true } },
        plugins: { tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${figures(item.raw)} ms` } } },
      },
    });
  }

  // Rows are models, columns batches, in the order of the selectors.
  function showMaps() {
    for (const map of document.querySelectorAll('#map .scroll[data-network]')) {
      const decided = runs[Number(map.dataset.run)].decided.find((one) => String(one.context) === map.dataset.context);
      map.hidden = map.dataset.context !== chosen.context.value || decided.fabrics[Number(map.dataset.network)].name !== chosen.network.value;
      for (const cell of map.querySelectorAll('.now')) {
        cell.classList.remove('now');
        cell.removeAttribute('aria-current');
      }
      const cell = map.querySelector('tbody').rows[chosen.model.selectedIndex]?.cells[chosen.batch.selectedIndex + 1];
      if (map.hidden || !cell) continue;
      cell.classList.add('now');
      cell.setAttribute('aria-current', 'true');
    }
  }

  function showAnswer() {
    const decided = at() ?? { fabrics: [], answers: [], rows: [] }; // a run with which nothing can be decided
    const answer = decided.answers.find(isChosen);
    const rows = decided.rows.filter(isChosen);
    byId('sentence').textContent = answer?.sentence ?? 'Nothing here can be decided with: see what is missing.';
    showFacts(rows, answer ?? {});
    showParts(rows);
    showMaps();
    if (chosen.operation) showTimes();
  }

  function fill(select, values) {
    const before = select.value;
    select.replaceChildren(...values.map(([value, textContent]) => element('option', { value, textContent })));
    if (values.some(([value]) => String(value) === before)) select.value = before;
  }

  // What can be chosen is what was computed for the run.
  function fillSelectors() {
    const run = runs[Number(chosen.run?.value ?? 0)];
    const rows = run.decided.flatMap((one) => one.rows);
    const list = (values, name = String) => unique(values).map((value) => [value, name(value)]);
    const kinds = new Map(run.decided.flatMap((one) => one.fabrics.map((fabric) => [fabric.name, fabric.kind])));
    fill(chosen.model, list(rows.map(modelOf)));
    fill(chosen.batch, list(rows.map((row) => row.batch)));
    fill(chosen.context, list(rows.map((row) => row.context), (value) => `${value} tokens`));
    fill(chosen.network, list(rows.map((row) => row.fabric), (value) => `${value} (${kinds.get(value).replace('_', ' ')})`));
    showAnswer();
  }

  // A cell of the map chooses its model and batch.
  function pick(event) {
    const cell = event.target.closest('.map tbody td');
    if (!cell) return;
    chosen.model.selectedIndex = cell.parentElement.sectionRowIndex;
    chosen.batch.selectedIndex = cell.cellIndex - 1;
    showAnswer();
  }

  function setUpAnswer() {
    if (!runs.some((run) => run.decided.some((one) => one.rows.length))) return;
    const form = byId('chosen');
    form.addEventListener('submit', (event) => event.preventDefault());
    if (runs.length > 1) chosen.run = selector(form, 'run', 'run', runs.map((run, i) => [i, run.name]), fillSelectors);
    for (const name of ['model', 'batch', 'context', 'network']) chosen[name] = selector(form, name, name, [], showAnswer);
    fillSelectors();
    byId('map')?.addEventListener('click', pick);
  }

  // ---- Curves

  const allCurves = [
    ...runs.flatMap((run) => run.curves.map((curve) => ({ ...curve, run: run.name }))),
    ...data.published.map((curve) => ({ ...curve, run: null })),
  ].map((curve, number) => ({ ...curve, number }));

  function labelOf(curve) {
    const settings = curve.settings.replace(/backend:\S+ ?|timing:chained ?|type:bfloat16 ?|place:out ?/g, '').trim();
    return [runs.length > 1 && curve.run ? curve.run : '', curve.fabric, settings].filter(Boolean).join(', ');
  }

  // Points are [bytes, seconds, low, high, GB/s, doubt, verdict of the comparison].
  // A suspect point is hollow.
  function lineOf(curve, value, i) {
    const points = curve.points.filter((point) => value(point) !== null);
    const colour = colours[i % colours.length];
    return {
      label: labelOf(curve),
      data: points.map((point) => ({ x: point[0], y: value(point), point })),
      borderColor: colour,
      backgroundColor: colour,
      pointBackgroundColor: points.map((point) => (point[5] !== null ? style('--back') : colour)),
      pointStyle: markers[i % markers.length],
      pointRadius: points.length > 200 ? 1 : 4,
      borderDash: curve.kind === 'published' ? [2, 3] : curve.kind === 'floor' ? [8, 4] : [],
      borderWidth: 2,
    };
  }

  // 95 % intervals of the mean: no datasets of their own, which a pointer would find.
  const bands = {
    id: 'bands',
    beforeDatasetsDraw(chart) {
      const { ctx, chartArea, scales } = chart;
      ctx.save();
      ctx.beginPath();
      ctx.rect(chartArea.left, chartArea.top, chartArea.width, chartArea.height);
      ctx.clip();
      chart.data.datasets.forEach((dataset, i) => {
        if (!chart.isDatasetVisible(i)) return;
        const known = dataset.data.map(({ point }) => point).filter((point) => point && point[2] !== null && point[3] !== null);
        const edge = (end) => known.map((point) => [scales.x.getPixelForValue(point[0]), scales.y.getPixelForValue(point[end] * 1e6)]);
        ctx.fillStyle = `${dataset.borderColor}33`;
        ctx.beginPath();
        for (const [x, y] of [...edge(2), ...edge(3).reverse()]) ctx.lineTo(x, y);
        ctx.fill();
      });
      ctx.restore();
    },
  };

  const modelSizes = {
    id: 'modelSizes',
    beforeDatasetsDraw(chart) {
      const sizes = chart.options.plugins.modelSizes?.sizes ?? [];
      const { ctx, chartArea, scales } = chart;
      ctx.save();
      ctx.strokeStyle = style('--soft');
      ctx.setLineDash([3, 3]);
      ctx.fillStyle = style('--soft');
      for (const [size, batch] of sizes) {
        if (size < scales.x.min || size > scales.x.max) continue;
        const x = scales.x.getPixelForValue(size);
        ctx.beginPath();
        ctx.moveTo(x, chartArea.top);
        ctx.lineTo(x, chartArea.bottom);
        ctx.stroke();
        ctx.fillText(`b${batch}`, x + 3, chartArea.top + 10);
      }
      ctx.restore();
    },
  };

  // 1, 8, 64, ... of bytes, or the powers of two between them where that is few, and powers of ten of the rest.
  function sizeTicks(ticks) {
    const within = (factor) => {
      const shown = [];
      for (let value = 1; value <= 2 ** 48; value *= factor) if (value >= ticks.min && value <= ticks.max) shown.push({ value });
      return shown;
    };
    const few = within(8);
    ticks.ticks = few.length > 1 ? few : within(2);
  }
  function valueTicks(ticks) {
    const within = (steps) => {
      const shown = [];
      for (let power = -12; power <= 15; ++power) for (const step of steps) if (step * 10 ** power >= ticks.min && step * 10 ** power <= ticks.max) shown.push({ value: step * 10 ** power });
      return shown;
    };
    const few = within([1]);
    ticks.ticks = few.length > 2 ? few : within([1, 2, 5]);
  }

  const ends = (values) => values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);

  // As far as anything was measured: published curves may go on for long.
  function widthOf(curves) {
    const measured = curves.filter((curve) => curve.run !== null);
    const sizes = (measured.length ? measured : curves).flatMap((curve) => curve.points.map((point) => point[0]));
    const [least, most] = ends(sizes);
    return { min: least / 1.5, max: most * 1.5 };
  }

  function logScales(text, show, curves) {
    return {
      x: { type: 'logarithmic', ...widthOf(curves), title: { display: true, text: 'bytes' }, afterBuildTicks: sizeTicks, ticks: { callback: bytes, autoSkip: true, maxRotation: 0 } },
      y: { type: 'logarithmic', title: { display: true, text }, afterBuildTicks: valueTicks, ticks: { callback: show } },
    };
  }

  function curveOptions(text, show, tell, curves) {
    return {
      parsing: false,
      normalized: true,
      interaction: { mode: 'nearest', intersect: false },
      scales: logScales(text, show, curves),
      plugins: {
        legend: {
          labels: {
            usePointStyle: true,
            generateLabels: (chart) => Chart.defaults.plugins.legend.labels.generateLabels(chart).map((item) => ({ ...item, fillStyle: item.strokeStyle })),
          },
          position: 'bottom',
        },
        tooltip: {
          filter: (item) => !item.dataset.isBound,
          callbacks: {
            title: ([item]) => (item ? bytes(item.raw.x) : ''),
            label: (item) => tell(item.raw.point).map((line, i) => (i === 0 ? `${item.dataset.label}: ${line}` : line)),
          },
        },
      },
    };
  }

  function tellTime(point) {
    const lines = [`mean ${seconds(point[1])}`];
    if (point[2] !== null && point[3] !== null) lines.push(`95 %: ${seconds(point[2])} to ${seconds(point[3])}`);
    return lines.concat(tellRest(point));
  }
  const tellRest = (point) => [point[6] ? `compared: ${point[6]}` : '', point[5] ? `suspect: ${point[5].slice(0, 80)}` : ''].filter(Boolean);
  const tellRate = (point) => [`${figures(point[4])} GB/s`, ...tellRest(point)];

  function sizesOfModel() {
    if (!chosen.model) return [];
    const rows = (at()?.rows ?? []).filter((row) => modelOf(row) === chosen.model.value && row.allreduce_bytes !== null);
    return [...new Map(rows.map((row) => [row.allreduce_bytes, row.batch]))];
  }

  function showTimes() {
    const curves = allCurves.filter((curve) => curve.operation === chosen.operation.value);
    const datasets = curves.map((curve, i) => lineOf(curve, (point) => point[1] * 1e6, i));
    const options = curveOptions('time', (value) => seconds(value / 1e6), tellTime, curves);
    options.plugins.modelSizes = { sizes: chosen.operation.value === 'all_reduce' ? sizesOfModel() : [] };
    byId('sizes-note').hidden = !options.plugins.modelSizes.sizes.length;
    draw('chart-time', { type: 'line', data: { datasets }, options, plugins: [bands, modelSizes] });
  }

  const hasRate = (curve) => curve.points.some((point) => point[4] !== null && point[4] > 0);

  function showRates() {
    const curves = allCurves.filter((curve) => curve.operation === chosen.rate.value && hasRate(curve));
    const datasets = curves.map((curve, i) => lineOf(curve, (point) => point[4], i));
    const bounds = new Map(curves.filter((curve) => curve.bound_GBps !== null).map((curve) => [`bound ${figures(curve.bound_GBps)} GB/s${curve.limit ? `: ${curve.limit}` : ''}`, curve.bound_GBps]));
    const sizes = curves.flatMap((curve) => curve.points.map((point) => point[0]));
    for (const [label, bound] of bounds) {
      datasets.push({
        label,
        data: ends(sizes).map((x) => ({ x, y: bound })),
        borderColor: style('--front'), borderDash: [10, 5], borderWidth: 1, pointRadius: 0, pointHitRadius: 0, isBound: true,
      });
    }
    draw('chart-rate', { type: 'line', data: { datasets }, options: curveOptions('GB/s', figures, tellRate, curves) });
  }

  function setUpCurves() {
    const times = unique(allCurves.map((curve) => curve.operation));
    if (!times.length || !byId('sizes-choice')) return;
    chosen.operation = selector(byId('sizes-choice'), 'operation', 'operation', times.map((name) => [name, name]), showTimes);
    if (times.includes('all_reduce')) chosen.operation.value = 'all_reduce';
    showTimes();
    const rates = unique(allCurves.filter(hasRate).map((curve) => curve.operation));
    if (!rates.length) return;
    chosen.rate = selector(byId('rates-choice'), 'rate', 'operation', rates.map((name) => [name, name]), showRates);
    chosen.rate.value = ['rdma_write_bandwidth', 'tcp_bandwidth', 'all_reduce'].find((name) => rates.includes(name)) ?? rates[0];
    showRates();
  }

  // ---- Links and tokens

  function bars(id, labels, series, text, show) {
    if (!labels.length) return;
    byId(id).parentElement.dataset.rows = labels.length > 24 ? 'many' : labels.length > 8 ? 'some' : 'few';
    draw(id, {
      type: 'bar',
      data: { labels, datasets: series.map(([label, values], i) => ({ label, data: values, backgroundColor: colours[i] })) },
      options: {
        indexAxis: 'y',
        scales: { x: { title: { display: true, text } }, y: { ticks: { autoSkip: false, font: { size: 11 } } } },
        plugins: { tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${show(item.raw)}` } } },
      },
    });
  }

  function setUpBars() {
    const named = (run, text) => (runs.length > 1 ? `${run.name}: ${text}` : text);
    const links = runs.flatMap((run) => run.links.map((link) => ({ ...link, name: [named(run, `${link.over} ${link.link}`), `${link.from} to ${link.to}`] })));
    bars('chart-links', links.map((link) => link.name), [['alone', links.map((link) => link.alone_GBps)], ['together', links.map((link) => link.together_GBps)]], 'GB/s', (value) => `${figures(value)} GB/s`);
    const tokens = runs.flatMap((run) => run.tokens.map((token) => ({ ...token, name: [named(run, token.model), `${token.step} ${token.fabric}`] })));
    bars('chart-token', tokens.map((token) => token.name), [['measured, without pauses', tokens.map((token) => token.measured_s * 1e3)], ['priced', tokens.map((token) => (token.priced_s === null ? null : token.priced_s * 1e3))]], 'ms', (value) => `${figures(value)} ms`);
  }

  // ---- Tables that sort, filter and copy

  const textOf = (row, i) => row.cells[i]?.textContent.trim() ?? '';

  function sortBy(table, head, i) {
    const up = head.getAttribute('aria-sort') !== 'ascending';
    for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
    const numeric = head.classList.contains('n');
    const keyed = [...table.tBodies[0].rows].map((row) => {
      const text = textOf(row, i);
      return { row, empty: text === '', key: numeric ? Number(text) : text };
    });
    // What is absent comes last, whichever way.
    keyed.sort((a, b) => a.empty - b.empty || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0) * (up ? 1 : -1));
    table.tBodies[0].append(...keyed.map(({ row }) => row));
  }

  function csvOf(table) {
    const line = (row) => [...row.cells].map((cell) => {
      const text = cell.textContent.trim();
      const safe = /^([=@+\t]|-(?![\d.]))/.test(text) ? `'${text}` : text; // for a spreadsheet it would be a formula
      return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
    }).join(',');
    return [table.tHead.rows[0], ...[...table.tBodies[0].rows].filter((row) => !row.hidden)].map(line).join('\n') + '\n';
  }

  // On file:// the clipboard may be out of reach; selected text always works.
  async function copy(text, status) {
    let copied = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const before = document.activeElement;
      const area = element('textarea', { value: text });
      area.setAttribute('aria-label', 'The table as CSV');
      document.body.append(area);
      area.select();
      copied = document.execCommand('copy');
      area.remove();
      before?.focus();
    }
    status.textContent = copied ? `${text.split('\n').length - 2} rows copied` : 'the browser does not let it be copied';
  }

  function makeTools(table) {
    const name = table.caption.textContent;
    const count = element('span', { className: 'count' });
    count.setAttribute('role', 'status');
    const filter = element('input', { type: 'search', autocomplete: 'off', spellcheck: false });
    const rows = [...table.tBodies[0].rows];
    const sizeAt = [...table.tHead.rows[0].cells].findIndex((head) => head.textContent === 'bytes');
    const isSize = /^\d+(\.\d+)?\s*[kmg]ib$/; // 8192 is found as 8 KiB, too
    let texts = null;
    let sizes = null;
    const show = () => {
      texts ??= rows.map((row) => [...row.cells].map((cell) => cell.textContent).join(' ').toLowerCase());
      sizes ??= rows.map((row) => bytes(Number(textOf(row, sizeAt))).toLowerCase().replace(' ', ''));
      const words = filter.value.toLowerCase().match(/\d+(\.\d+)?\s*[kmg]ib\b|\S+/g) ?? [];
      const holds = (word, i) => (sizeAt >= 0 && isSize.test(word) ? sizes[i] === word.replace(/\s/g, '') : texts[i].includes(word));
      let shown = 0;
      rows.forEach((row, i) => {
        const fits = words.every((word) => holds(word, i));
        if (row.hidden === fits) row.hidden = !fits;
        shown += fits;
      });
      count.textContent = `${shown} of ${rows.length} rows`;
    };
    filter.addEventListener('input', show);
    const button = element('button', { type: 'button', className: 'tool', textContent: 'Copy as CSV' });
    button.addEventListener('click', () => copy(csvOf(table), count));
    const tools = element('div', { className: 'chosen tools' }, element('label', {}, `rows of "${name}" with these words`, filter), button, count);
    table.closest('.scroll').before(tools);
    [...table.tHead.rows[0].cells].forEach((head, i) => {
      const sort = element('button', { type: 'button', textContent: head.textContent });
      sort.addEventListener('click', () => sortBy(table, head, i));
      head.replaceChildren(sort);
    });
  }

  function start() {
    document.querySelectorAll('.scroll').forEach((box) => stops.observe(box));
    setUpAnswer();
    setUpCurves();
    setUpBars();
    document.querySelectorAll('table.sortable').forEach(makeTools);
  }

  function redraw() {
    if (chosen.model) showAnswer();
    else if (chosen.operation) showTimes();
    if (chosen.rate) showRates();
    setUpBars();
  }

  start();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  // Paper is light, and shows what is folded on a screen.
  addEventListener('beforeprint', () => {
    document.documentElement.classList.add('printing');
    redraw();
    document.querySelectorAll('details:not([open])').forEach((one) => { one.open = true; one.dataset.opened = ''; });
    Object.values(charts).forEach((chart) => chart.resize());
  });
  addEventListener('afterprint', () => {
    document.documentElement.classList.remove('printing');
    redraw();
    document.querySelectorAll('details[data-opened]').forEach((one) => { one.open = false; delete one.dataset.opened; });
    Object.values(charts).forEach((chart) => chart.resize());
  });
})();
