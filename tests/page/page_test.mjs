// The page in a real browser. WIRETAX_BIN names the folder of wiretax-report; WIRETAX_PAGE_OUT, if set, a folder for pictures.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test as nodeTest } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

import { HOSTILE, fourRanks, hostile, large, onlySkipped, twoHosts } from './runs.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'wiretax-page-'));
const pictures = process.env.WIRETAX_PAGE_OUT ?? folder;
const pages = {};
const few = ['--model', 'gpt-oss-120b,Llama-3.1-8B', '--batch', '1,8,32']; // the browser's time goes by the size of tables
const painted = {}; // how soon, in milliseconds
let browser;

const test = (name, use) => nodeTest(name, { timeout: 300e3 }, use);

// wiretax-report ends with 5 where the page says that something is missing.
function makePage(name, code, ...runs) {
  pages[name] = join(folder, `${name}.html`);
  let ended = 0;
  try {
    execFileSync(join(process.env.WIRETAX_BIN, 'wiretax-report'), ['page', ...runs, ...few, '-o', pages[name]], { stdio: 'pipe' });
  } catch (error) {
    ended = error.status;
  }
  assert.equal(ended, code, name);
}

before(async () => {
  const at = (name) => join(folder, name);
  twoHosts(at('two'));
  twoHosts(at('slower'), 1.4);
  hostile(at('hostile'));
  large(at('large'));
  onlySkipped(at('skipped'));
  makePage('two', 0, at('two'));
  makePage('both', 0, at('two'), at('slower'));
  makePage('hostile', 0, at('hostile'));
  makePage('large', 0, at('large'));
  makePage('skipped', 5, at('skipped'));
  fourRanks(at('undecided'), 'mpi');
  fourRanks(at('decided'), 'nccl');
  makePage('undecided', 5, at('undecided'), at('decided'), '--ranks', '4');
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'], timeout: 200e3 });
});

after(async () => {
  await browser?.close();
  for (const [name, soon] of Object.entries(painted)) { // told, not asserted: it is the machine's
    console.log(`${name}: ${Math.round(statSync(pages[name]).size / 1024)} KiB, first paint after ${Math.round(soon)} ms`);
  }
  rmSync(folder, { recursive: true });
});

// Opens a page, and sees that it asks for nothing and complains about nothing.
async function withPage(name, options, use) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  context.setDefaultTimeout(200e3); // no test is about how fast a busy machine is
  const page = await context.newPage();
  const told = [];
  const asked = [];
  page.on('console', (message) => told.push(message.text()));
  page.on('pageerror', (error) => told.push(String(error)));
  page.on('dialog', (dialog) => { told.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => asked.push(request.url()));
  const url = pathToFileURL(pages[name]).href;
  await page.goto(url);
  painted[name] ??= await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
  await use(page);
  assert.deepEqual(told, [], `${name}: the console`);
  assert.deepEqual(asked.filter((one) => one !== url && !one.startsWith('data:')), [], `${name}: requests`);
  await context.close();
}

// In the dark only colours are new.
async function violationsOf(page, colorScheme) {
  await page.evaluate(axe);
  const options = colorScheme === 'dark' ? { runOnly: ['color-contrast'] } : {};
  const { violations } = await page.evaluate((asked) => axe.run(asked), options);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 120)).join(' ')}`);
}

const dataOf = (page) => page.evaluate(() => JSON.parse(document.getElementById('data').textContent));
// As the page's own script says: a column is a list, or {of, at}.
const cell = ({ columns }, row, key) => (columns[key].of ? columns[key].of[columns[key].at?.[row] ?? 0] : columns[key][row]);
const rowsOf = (table, isMeant) => [...Array(table.count).keys()].filter((row) => isMeant(row));

for (const [name, colorScheme] of [['two', 'light'], ['two', 'dark'], ['both', 'light'], ['hostile', 'light'], ['skipped', 'light'], ['undecided', 'light']]) {
  test(`${name}, ${colorScheme}: asks for nothing, says nothing, and is accessible`, async () => {
    await withPage(name, { colorScheme }, async (page) => {
      await page.evaluate(() => document.querySelectorAll('details').forEach((one) => { one.open = true; }));
      assert.deepEqual(await violationsOf(page, colorScheme), []);
    });
  });
}

for (const [width, colorScheme] of [[360, 'light'], [1440, 'light'], [1440, 'dark'], [1920, 'light']]) {
  test(`fits ${width} pixels, ${colorScheme}`, async () => {
    await withPage('both', { viewport: { width, height: 900 }, colorScheme }, async (page) => {
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it scrolls sideways');
      await page.evaluate(() => { for (const id of ['points', 'environment']) document.getElementById(id).style.contentVisibility = 'visible'; });
      await page.screenshot({ path: join(pictures, `both-${width}-${colorScheme}.png`), fullPage: true });
    });
  });
}

test('what is chosen changes sentence, facts, map and bars, as the data say', async () => {
  await withPage('two', {}, async (page) => {
    const { runs } = await dataOf(page);
    for (const [batch, context] of [['8', '1024'], ['32', '8192']]) {
      const decided = runs[0].decided.find((at) => String(at.context) === context);
      const { answers, rows } = decided;
      const model = 'gpt-oss-120b:mxfp4';
      await page.selectOption('#choose-model', model);
      await page.selectOption('#choose-batch', batch);
      await page.selectOption('#choose-context', context);
      await page.selectOption('#choose-network', 'nccl');
      const isMeant = (table) => (row) => `${cell(table, row, 'model')}:${cell(table, row, 'quant')}` === model &&
        String(cell(table, row, 'batch')) === batch && cell(table, row, 'fabric') === 'nccl';
      const answer = rowsOf(answers, isMeant(answers))[0];
      assert.equal(await page.textContent('#sentence'), cell(answers, answer, 'sentence'));
      const fitting = rowsOf(rows, isMeant(rows)).filter((row) => cell(rows, row, 'fits'));
      const drawn = await page.evaluate(() => {
        const { labels, datasets } = Chart.getChart('chart-parts').data;
        return { labels, wire: datasets.find(({ label }) => label === 'wire').data };
      });
      assert.deepEqual(drawn.labels, fitting.map((row) => cell(rows, row, 'strategy')));
      assert.deepEqual(drawn.wire, fitting.map((row) => cell(rows, row, 'parts_s.wire') * 1e3));
      assert.equal(await page.locator('#map .scroll:visible').count(), 1);
      const now = page.locator('#map td.now');
      assert.equal(await now.count(), 1);
      const winner = cell(answers, answer, 'winner');
      assert.match(await now.textContent(), winner ? new RegExp(winner[0]) : /too close/);
      const told = await page.locator('#parts-now tbody tr').evaluateAll((all) => all.map(({ cells }) => [...cells].map((one) => one.textContent)));
      const figures = (value) => String(Number(value.toPrecision(4)));
      assert.deepEqual(told.filter((texts) => texts.length > 2).map((texts) => texts.slice(0, 3)),
        fitting.map((row) => [cell(rows, row, 'strategy'), figures(cell(rows, row, 'tokens_per_s.mid')), figures(cell(rows, row, 'step_s.mid') * 1e3)]));
    }
    // A cell of the map chooses, too.
    await page.locator('#map .scroll:visible tbody tr').nth(1).locator('td').nth(0).click();
    assert.deepEqual([await page.inputValue('#choose-model'), await page.inputValue('#choose-batch')], ['Llama-3.1-8B:bf16', '1']);
    // What cannot name a winner cannot be chosen.
    assert.deepEqual(await page.locator('#choose-network option').evaluateAll((all) => all.map(({ value }) => value)), ['nccl', 'dgx-spark-roce']);
  });
});

test('a tooltip says what the data say', async () => {
  await withPage('two', {}, async (page) => {
    const curve = (await dataOf(page)).runs[0].curves.find(({ operation, fabric }) => operation === 'all_reduce' && fabric === 'nccl');
    await page.locator('#chart-time').scrollIntoViewIfNeeded();
    for (const i of [1, 5]) {
      const place = await page.evaluate((number) => {
        const chart = Chart.getChart('chart-time');
        const k = chart.data.datasets.findIndex(({ label }) => label === 'nccl');
        const { x, y } = chart.getDatasetMeta(k).data[number];
        const { left, top } = chart.canvas.getBoundingClientRect();
        return { x: x + left, y: y + top };
      }, i);
      await page.mouse.move(place.x, place.y);
      await page.waitForFunction(() => Chart.getChart('chart-time').tooltip.opacity > 0);
      const said = await page.evaluate(() => Chart.getChart('chart-time').tooltip.body.flatMap(({ lines }) => lines).join('\n'));
      const [, seconds, low, high] = curve.points[i];
      const us = (value) => `${Number((value * 1e6).toPrecision(4))} us`;
      assert.ok(said.includes(`mean ${us(seconds)}`) && said.includes(`${us(low)} to ${us(high)}`), said);
    }
  });
});

test('every link is a curve of its own, with its bound', async () => {
  await withPage('two', {}, async (page) => {
    const labels = await page.evaluate(() => Chart.getChart('chart-rate').data.datasets.map(({ label }) => label));
    assert.deepEqual(labels.filter((label) => label.startsWith('rdma')), ['rdma roceP2p1s0f0 0-1', 'rdma rocep1s0f0 0-1']);
    assert.equal(labels.filter((label) => label.startsWith('bound')).length, 1);
    const sizes = await page.evaluate(() => Chart.getChart('chart-time').options.plugins.modelSizes.sizes);
    assert.ok(sizes.length >= 3, String(sizes));
    const links = await page.evaluate(() => Chart.getChart('chart-links').data.datasets.map(({ data }) => data));
    assert.deepEqual(links, [[12.1, 12.1], [11.5, 11.4]]);
  });
});

test('a suspect point is hollow, and a pointer on it says why', async () => {
  await withPage('two', {}, async (page) => {
    const fills = await page.evaluate(() => Chart.getChart('chart-time').data.datasets.find(({ label }) => label === 'nccl').pointBackgroundColor);
    assert.equal(new Set(fills).size, 2);
    assert.notEqual(fills[3], fills[2]);
  });
});

test('on paper it is light, whatever the screen is', async () => {
  await withPage('two', { colorScheme: 'dark' }, async (page) => {
    const colour = () => page.evaluate(() => Chart.getChart('chart-time').options.color);
    const dark = await colour();
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    assert.equal(await colour(), '#1b1f24');
    await page.evaluate(() => dispatchEvent(new Event('afterprint')));
    assert.equal(await colour(), dark);
  });
});

test('a run with which nothing can be decided says so, and the rest works', async () => {
  await withPage('undecided', {}, async (page) => {
    assert.match(await page.textContent('#missing'), /undecided: No answer: no network here/);
    assert.match(await page.textContent('#sentence'), /Nothing here can be decided with/);
    await page.selectOption('#choose-run', '1');
    assert.match(await page.textContent('#sentence'), /TP=4/);
    await page.selectOption('#choose-run', '0');
    assert.match(await page.textContent('#sentence'), /Nothing here can be decided with/);
    assert.ok(await page.locator('#chart-time').isVisible());
    await page.locator('#points').getByRole('searchbox').first().fill('8192');
    await page.waitForFunction(() => /^\d+ of \d+ rows$/.test(document.querySelector('#points .count').textContent));
  });
});

test('the table of all points sorts, filters and becomes CSV', async () => {
  await withPage('two', { permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
    const table = page.locator('table.points');
    const rows = await table.locator('tbody tr').count();
    const cells = (i) => table.locator(`tbody tr:visible > :nth-child(${i})`).allTextContents();
    await table.getByRole('button', { name: 'mean us' }).click();
    const means = (await cells(6)).map((text) => text.trim());
    const told = means.filter(Boolean).map(Number);
    assert.deepEqual(told, [...told].sort((a, b) => a - b));
    assert.equal(means.at(-1), '', 'what is absent comes last');
    for (const size of ['1 MiB', '1MiB']) {
      await page.getByRole('searchbox').fill(`rdma_write rocep1s0f0 ${size}`);
      assert.equal((await cells(1)).length, 1);
    }
    await page.getByRole('searchbox').fill('8 KiB');
    assert.deepEqual([...new Set(await cells(4))].map(Number), [8192], 'not those of 128 KiB');
    await page.getByRole('searchbox').fill('rdma_write rocep1s0f0 1048576');
    assert.equal((await cells(1)).length, 1);
    assert.equal(await page.locator('#points .count').textContent(), `1 of ${rows} rows`);
    await page.locator('#points').getByRole('button', { name: 'Copy as CSV' }).click();
    await page.waitForFunction(() => /copied/.test(document.querySelector('#points .count').textContent));
    const csv = (await page.evaluate(() => navigator.clipboard.readText())).trim().split('\n');
    assert.equal(csv.length, 2);
    assert.match(csv[0], /^file,operation,of,bytes,verdict,mean us/);
    assert.match(csv[1], /^rdma,rdma_write_bandwidth,link:rocep1s0f0\/from:0\/to:1,1048576,/);
  });
});

test('the keyboard reaches the answer, the selectors and the tables that scroll', async () => {
  await withPage('two', { viewport: { width: 360, height: 800 } }, async (page) => {
    const reached = [];
    for (let i = 0; i < 12; ++i) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate(() => document.activeElement.id || document.activeElement.className || document.activeElement.tagName));
    }
    assert.deepEqual(reached.slice(0, 5), ['skip', 'choose-model', 'choose-batch', 'choose-context', 'choose-network']);
    assert.ok(reached.includes('scroll'), String(reached));
    const boxes = await page.evaluate(() => [...document.querySelectorAll('.scroll')].filter((box) => box.clientWidth > 0 && !box.closest('#points, #environment'))
      .map((box) => ({ scrolls: box.scrollWidth > box.clientWidth, stops: box.tabIndex === 0 })));
    assert.deepEqual(boxes.filter(({ scrolls, stops }) => scrolls !== stops), []);
    assert.ok(boxes.some(({ stops }) => !stops), 'a table that fits is no stop');
  });
});

test('without JavaScript every table and the answer are there', async () => {
  await withPage('two', { javaScriptEnabled: false }, async (page) => {
    assert.match(await page.textContent('#sentence'), /TP=2, .* tokens\/s/);
    assert.equal(await page.locator('canvas:visible').count(), 0);
    assert.equal(await page.locator('form:visible').count(), 0);
    for (const id of ['map', 'links', 'token', 'points', 'environment']) {
      assert.ok(await page.locator(`#${id} table`).first().isVisible(), id);
    }
    assert.ok(await page.locator('#findings li').first().isVisible());
    await page.locator('#strategies summary').click();
    assert.ok(await page.locator('#strategies table').first().isVisible());
  });
});

test('names that are markup are text', async () => {
  await withPage('hostile', {}, async (page) => {
    assert.ok((await page.textContent('#findings')).includes(HOSTILE));
    assert.equal(await page.locator('main img, main h1').count(), 0);
    assert.ok(await page.evaluate((name) => [...document.querySelectorAll('#choose-network option')].some(({ value }) => value.includes(name)), HOSTILE));
    assert.equal(await page.locator('script').count(), 3);
  });
});

test('two runs: both curves, and the verdicts', async () => {
  await withPage('both', {}, async (page) => {
    const labels = await page.evaluate(() => Chart.getChart('chart-time').data.datasets.map(({ label }) => label));
    assert.ok(labels.includes('two, nccl') && labels.includes('slower, nccl'), String(labels));
    assert.match(await page.textContent('#compare'), /SLOWER/);
    assert.equal(await page.locator('#map .scroll:visible').count(), 2, 'a map of each run');
    const before = await page.textContent('#sentence');
    await page.selectOption('#choose-run', '1');
    const { answers } = (await dataOf(page)).runs[1].decided[0];
    assert.notEqual(cell(answers, 0, 'sentence'), before);
    assert.equal(await page.textContent('#sentence'), cell(answers, 0, 'sentence'));
  });
});

test('the example that comes with wiretax', async () => {
  const shipped = new URL('../../docs/example/', import.meta.url);
  pages.example = join(folder, 'example.html');
  execFileSync(join(process.env.WIRETAX_BIN, 'wiretax-report'), ['page', fileURLToPath(new URL('two-virtual-sparks', shipped)), '-o', pages.example], { stdio: 'pipe' });
  await withPage('example', {}, async (page) => {
    assert.match(await page.textContent('.badges'), /emulation/);
    assert.match(await page.textContent('#sentence'), /tokens\/s/);
    assert.ok(await page.locator('#links table').first().isVisible());
    assert.deepEqual(await violationsOf(page, 'light'), []);
  });
});

test('prints on A4', async () => {
  const landscape = { width: 1047, height: 718 }; // less its margins, at 96 dots per inch
  await withPage('example', { viewport: landscape }, async (page) => {
    await page.emulateMedia({ media: 'print' });
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it is wider than the paper');
  });
  await withPage('two', {}, async (page) => {
    const pdf = await page.pdf({ format: 'A4', path: join(pictures, 'two.pdf') });
    assert.equal(pdf.subarray(0, 5).toString(), '%PDF-');
  });
});

test('10,000 points: it opens, filters and draws', async () => {
  await withPage('large', {}, async (page) => {
    assert.equal(await page.locator('table.points tbody tr').count(), 10000);
    await page.locator('#points').getByRole('searchbox').fill('channels:7/ 2048');
    await page.waitForFunction(() => /^\d{1,4} of 10000 rows$/.test(document.querySelector('#points .count').textContent));
    const drawn = await page.evaluate(() => Chart.getChart('chart-time').data.datasets.filter(({ isBand }) => !isBand).reduce((sum, { data }) => sum + data.length, 0));
    assert.ok(drawn >= 10000, String(drawn));
    await page.selectOption('#choose-batch', '8');
    assert.match(await page.textContent('#sentence'), /batch 8/);
  });
});
