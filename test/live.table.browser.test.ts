// Who reaches whom, on the live page: a table below its claim, that turns right as rules are written.
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noBrowser, openBrowser } from './helpers/browser.ts'
import { labFor, root, type Lab } from './helpers/lab.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const pictures = join(root, 'test-results')

describe.skipIf(noBrowser !== undefined)('a truth table, on the live page', () => {
  let lab: Lab & AsyncDisposable
  let browser: Browser
  let page: Page
  const wrong: string[] = []

  beforeAll(async () => {
    mkdirSync(pictures, { recursive: true })
    lab = labFor()
    expect(await lab.run('start', '19', '--no-watch', '--provider', 'embedded')).toMatchObject({ code: 0 })
    const link = await new Promise<string>((resolve, reject) => {
      const served = lab.begin('serve')
      served.child.stdout?.once('data', (piece: Buffer) => resolve(piece.toString().trim()))
      void served.ended.then(({ stderr }) => reject(new Error(`lab serve ended: ${stderr}`)))
    })
    browser = await openBrowser()
    page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
    page.setDefaultTimeout(120_000)
    page.on('pageerror', error => wrong.push(error.message))
    page.on('console', message => { if (message.type() === 'error') wrong.push(message.text()) })
    await page.goto(link)
    await page.locator('#map svg').waitFor()
  })
  afterAll(async () => {
    await browser?.close()
    await lab?.[Symbol.asyncDispose]()
  })

  const step = 'section.step[data-id="default-deny"]'

  test('shows which answers are wrong, and says why below', async () => {
    await page.locator(`${step} .claims table.grid td.wrong`).first().waitFor()
    // On a busy machine one that is to be answered may have no answer at first.
    await expect.poll(() => page.locator(`${step} .claims p.cells`).first().textContent()).toMatch(/→ c\/.*: answered, and is to be denied: c\//)
    await page.locator(`${step} .claims`).scrollIntoViewIfNeeded()
    await page.screenshot({ path: join(pictures, 'live-table-wrong.png') })
  })

  test('axe finds nothing serious in it', async () => {
    await page.evaluate(axe)
    const found = await page.evaluate<readonly { id: string; impact: string; nodes: readonly { html: string }[] }[]>('axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }).then(({ violations }) => violations)')
    expect(found.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([])
  })

  test('and has none that is wrong once the step holds', async () => {
    expect(await lab.run('solve', 'default-deny')).toMatchObject({ code: 0 })
    await page.locator(`${step} .claims li.pass`).first().waitFor()
    await page.locator(`${step} .claims td.wrong`).first().waitFor({ state: 'detached' })
    await page.locator(`${step} .claims table.grid td.no`).first().waitFor({ state: 'attached' })
    await page.locator(`${step} .claims details`).scrollIntoViewIfNeeded()
    await page.screenshot({ path: join(pictures, 'live-table-right.png') })
    expect(wrong).toEqual([])
  })
})
