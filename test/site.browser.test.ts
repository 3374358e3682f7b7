// The static site in a real browser, opened as files: nobody serves them.
import { mkdtempSync, readFileSync, rmSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildSite } from '../site/build.ts'
import { noBrowser, openBrowser } from './helpers/browser.ts'
import { record } from './helpers/record.ts'
import { siteCourse } from './helpers/site.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

describe.skipIf(noBrowser !== undefined)('the site in a browser', () => {
  let folder: string
  const urlOf = (path: string): string => {
    const [file = '', anchor] = path.split('#')
    return `${pathToFileURL(join(folder, file)).href}${anchor === undefined ? '' : `#${anchor}`}`
  }
  let browser: Browser

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hardway-site-'))
    for (const [path, content] of await buildSite(await siteCourse(), new Map([['05-static-routes', record]]))) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), content)
    }
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** A page of its own, and what went wrong on it. */
  async function open(path: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<{ page: Page; wrong: string[]; asked: string[]; [Symbol.asyncDispose](): Promise<void> }> {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    const wrong: string[] = []
    const asked: string[] = []
    page.on('pageerror', error => wrong.push(error.message))
    page.on('console', message => { if (message.type() === 'error') wrong.push(message.text()) })
    page.on('request', request => asked.push(request.url()))
    await page.goto(urlOf(path))
    return { page, wrong, asked, [Symbol.asyncDispose]: () => context.close() }
  }

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const path of ['index.html', 'labs/05-static-routes.html', 'glossary.html', 'checks/index.html', 'checks/reaches.html', 'faults/index.html', 'faults/05-off-again-on-one-interface.html']) {
      test(`${path} can be read by all (WCAG 2.1 AA), ${colorScheme}`, async () => {
        // The page's own policy would keep the examiner out.
        await using opened = await open(path, { colorScheme, bypassCSP: true })
        await opened.page.addScriptTag({ content: axe })
        const violations = await opened.page.evaluate<readonly string[]>(`axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] })
          .then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html.slice(0, 120), nodes[0].failureSummary].join(': ')))`)
        expect(violations).toEqual([])
      })
    }
  }

  test('loads nothing but its own files, and nothing goes wrong', async () => {
    for (const path of ['index.html', 'labs/05-static-routes.html', 'glossary.html']) {
      await using opened = await open(path)
      await opened.page.waitForLoadState('load')
      expect(opened.wrong).toEqual([])
      expect(opened.asked.filter(url => !url.startsWith(pathToFileURL(folder).href))).toEqual([])
      expect(opened.asked.length).toBeGreaterThan(3)
    }
  })

  test('finds a step by what is said in it, from the keyboard alone', async () => {
    await using opened = await open('glossary.html')
    const { page } = opened
    await page.keyboard.press('/')
    await page.keyboard.type('reverse path')
    await page.locator('#found a').first().waitFor()
    expect(await page.locator('#found a').allTextContents()).not.toEqual([])
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.waitForURL(url => url.href !== urlOf('glossary.html'))
    expect(page.url()).toMatch(/(labs|glossary|checks|faults)/)
    await page.keyboard.press('/')
    await page.keyboard.type('qqqqqq')
    await page.locator('#found .none').waitFor()
  })

  test('copies a command, or selects it where the browser allows no more', async () => {
    await using opened = await open('labs/05-static-routes.html')
    const button = opened.page.locator('.fence.n1 .copy').first()
    // A button says what it has done for a second and a half, and whoever looks later would not see it: here it goes on saying so.
    await opened.page.evaluate('window.setTimeout = () => 0')
    await button.click()
    await opened.page.locator('.fence.n1 .copy', { hasText: /copied|selected/ }).first().waitFor()
    // A page that is a file may not read the clipboard either: what can be seen of it is the selection.
    if (await button.textContent() === 'selected') expect(await opened.page.evaluate<string>('getSelection().toString()')).toContain('ping')
  })

  test('is light or dark by choice, also on the next page', async () => {
    await using opened = await open('index.html', { colorScheme: 'light' })
    const { page } = opened
    const paper = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor')
    const light = await paper()
    await page.locator('#theme').click()
    const dark = await paper()
    expect(dark).not.toBe(light)
    await page.goto(urlOf('labs/05-static-routes.html'))
    expect(await paper()).toBe(dark)
  })

  test('has no line wider than a phone', async () => {
    for (const path of ['index.html', 'labs/05-static-routes.html', 'glossary.html', 'checks/index.html']) {
      await using opened = await open(path, { viewport: { width: 360, height: 740 } })
      expect(await opened.page.evaluate('document.documentElement.scrollWidth'), path).toBe(360)
    }
  })

  test('walks through a recorded packet, hop by hop, to where it ended', async () => {
    await using opened = await open('faults/05-off-again-on-one-interface.html')
    const { page } = opened
    const next = page.locator('.player button', { hasText: 'next hop' })
    for (const hop of ['hop 1 of 7: node1/red eth0 out', 'hop 2 of 7: node1 veth-red in']) {
      await next.click()
      await page.locator('.player [role="status"]', { hasText: hop }).waitFor()
      expect(await page.locator('.hops li.at').count()).toBe(1)
      expect(await page.locator('svg .hop.at').count()).toBe(1)
    }
    for (let more = 0; more < 9; more++) await next.click()
    await page.locator('.player [role="status"]', { hasText: 'hop 7 of 7: node2 eth0 in' }).waitFor()
    expect(await page.locator('.trace-player > .ended').textContent()).toContain('node2 received it on eth0 and dropped it: net.ipv4.ip_forward is 0')
    expect(opened.wrong).toEqual([])
  })

  test('reads without scripts', async () => {
    await using opened = await open('labs/05-static-routes.html', { javaScriptEnabled: false })
    expect(await opened.page.locator('h1').textContent()).toBe('Static routes between nodes')
    expect(opened.wrong).toEqual([])
  })

  test('obeys its own policy: what is written into a page by a script of somebody else does nothing', async () => {
    await using opened = await open('index.html')
    await opened.page.evaluate(`{
      const script = document.createElement('script')
      script.textContent = 'window.obeyed = true'
      document.body.append(script)
    }`)
    expect(await opened.page.evaluate(`'obeyed' in window`)).toBe(false)
    // What the console says comes by itself, and may come later than an answer.
    await expect.poll(() => opened.wrong.join('\n')).toContain('Content Security Policy')
  })
})
