// Pictures of a page, for the README: node pictures.mjs REPORT.html FOLDER

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [report, folder] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'], timeout: 200e3 });
try {
  const context = await browser.newContext({ viewport: { width: 1100, height: 860 }, colorScheme: 'light' });
  context.setDefaultTimeout(200e3); // of a busy machine
  const page = await context.newPage();
  await page.goto(pathToFileURL(report).href);
  await page.screenshot({ path: join(folder, 'answer.png') });
  console.log(join(folder, 'answer.png'));
  for (const [chart, name] of [['chart-parts', 'parts.png'], ['chart-time', 'time.png']]) {
    const figure = page.locator(`[data-chart=${chart}]`);
    if (!(await figure.isVisible())) continue; // nothing to draw
    await figure.screenshot({ path: join(folder, name) });
    console.log(join(folder, name));
  }
} finally {
  await browser.close();
}
