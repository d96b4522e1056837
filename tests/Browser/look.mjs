// Opens pages as people do and tells what it found, as JSON: node look.mjs CHROMIUM FOLDER PAGE.html… (FOLDER gets a picture of each view)
import { chromium } from 'playwright-core';
import { pathToFileURL } from 'node:url';
import { basename, join } from 'node:path';

const [executablePath, folder, ...pages] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'] });
const views = [
  { name: 'light', viewport: { width: 1024, height: 900 }, colorScheme: 'light' },
  { name: 'dark', viewport: { width: 1024, height: 900 }, colorScheme: 'dark' },
  { name: 'phone', viewport: { width: 360, height: 740 }, colorScheme: 'light', isMobile: true },
  { name: 'print', viewport: { width: 718, height: 1000 }, colorScheme: 'dark', media: 'print' },
];
const found = {};
try {
  for (const page of pages) {
    const name = basename(page, '.html'), seen = found[name] = {};
    for (const { name: view, media, ...settings } of views) {
      const context = await browser.newContext(settings);
      const tab = await context.newPage();
      const errors = [], requests = [];
      tab.on('console', message => { if (['error', 'warning'].includes(message.type())) errors.push(message.text()); });
      tab.on('pageerror', error => errors.push(String(error)));
      tab.on('request', request => { if (!request.url().startsWith('data:')) requests.push(request.url()); });
      if (media) await tab.emulateMedia({ media });
      await tab.goto(pathToFileURL(page).href);
      seen[view] = { errors, requests, ...await tab.evaluate(lookAround, media === 'print') };
      await tab.screenshot({ path: join(folder, `${name}-${view}.png`), fullPage: true });
      if (media) await tab.pdf({ path: join(folder, `${name}.pdf`), format: 'A4' });
      await context.close();
    }
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(found));

// Runs in the page.
function lookAround(isPrinted) { // on paper nothing scrolls
  const rgb = text => text.startsWith('color(srgb') ? text.match(/[\d.]+/g).map(Number).slice(0, 3).map(x => 255 * x) : text.match(/[\d.]+/g).map(Number).slice(0, 3);
  const luminance = color => rgb(color).map(x => x / 255).map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4).reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => { // the first that is not see-through
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (!/^rgba\(.*, 0\)$/.test(color)) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const faint = [];
  for (const element of document.body.querySelectorAll('*')) {
    if (element.closest('script, .hidden, title') || ![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
    const style = getComputedStyle(element), color = element.namespaceURI.endsWith('svg') ? style.fill : style.color;
    const [a, b] = [luminance(color), luminance(ground(element))].sort((x, y) => y - x), contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faint.push(`${element.tagName}.${element.className.baseVal ?? element.className} '${element.textContent.trim().slice(0, 20)}' ${contrast.toFixed(2)}`);
  }
  const wide = [...document.body.querySelectorAll('*')].filter(element => !element.closest('.hidden') && ((isPrinted ? null : element.closest('.scroll')) ?? element).getBoundingClientRect().right > innerWidth + 1);
  const levels = [...document.querySelectorAll('h1, h2, h3')].map(heading => Number(heading.tagName[1]));
  return {
    title: document.title,
    width: document.documentElement.scrollWidth,
    window: innerWidth,
    tooWide: wide.map(element => element.outerHTML.slice(0, 100)),
    faint,
    background: getComputedStyle(document.body).backgroundColor,
    brokenHeadings: levels.filter((level, i) => level > (levels[i - 1] ?? 0) + 1).length,
    chartsWithoutLabel: document.querySelectorAll('svg:not([aria-hidden]):not([aria-label])').length,
    tablesWithoutCaption: [...document.querySelectorAll('table')].filter(table => !table.caption).length,
    picturesWithoutText: [...document.images].filter(picture => !picture.alt || !picture.naturalWidth).length,
    marksFromData: document.querySelectorAll('body script:not(#report-json), b, i, x').length,
    json: JSON.parse(document.getElementById('report-json').textContent).kind,
  };
}
