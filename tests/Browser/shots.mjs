// The pictures in docs/, from the page that ./build.sh demo writes: node tests/Browser/shots.mjs [CHROMIUM]
import { chromium } from 'playwright-core';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join } from 'node:path';

const root = fileURLToPath(new URL('../..', import.meta.url));
const browser = await chromium.launch({ executablePath: process.argv[2] ?? '/usr/bin/chromium', args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'] });
for (const colorScheme of ['light', 'dark']) {
  const tab = await browser.newPage({ viewport: { width: 900, height: 1015 }, colorScheme });
  await tab.goto(pathToFileURL(join(root, 'artifacts', 'demo', 'report.html')).href);
  await tab.screenshot({ path: join(root, 'docs', `report-${colorScheme}.png`) });
}
await browser.close();
