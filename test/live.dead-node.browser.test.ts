// A node that dies while somebody looks at the page, which knows nothing of it but by looking.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noBrowser, openBrowser } from './helpers/browser.ts'
import { labFor, type Lab } from './helpers/lab.ts'
import { eventually } from './helpers/nodes.ts'

describe.skipIf(noBrowser !== undefined)('a dead node, on the live page', () => {
  let lab: Lab & AsyncDisposable
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    lab = labFor()
    expect(await lab.run('start', '05', '--no-watch', '--provider', 'embedded')).toMatchObject({ code: 0 })
    const link = await new Promise<string>((resolve, reject) => {
      const served = lab.begin('serve')
      served.child.stdout?.once('data', (piece: Buffer) => resolve(piece.toString().trim()))
      void served.ended.then(({ stderr }) => reject(new Error(`lab serve ended: ${stderr}`)))
    })
    browser = await openBrowser()
    page = await (await browser.newContext()).newPage()
    page.setDefaultTimeout(60_000)
    await page.goto(link)
    await page.locator('#map svg').waitFor()
  })
  afterAll(async () => {
    await browser?.close()
    await lab?.[Symbol.asyncDispose]()
  })

  test('says so, and how it is mended; its shell says that it has ended', async () => {
    await page.locator('#tabs button', { hasText: /^node2$/ }).click()
    await page.locator('.pane[aria-label="node2"] .xterm-rows', { hasText: '#' }).waitFor()
    process.kill(await firstProcessOf('node2'), 'SIGKILL')
    await page.locator('#news', { hasText: /node2 .*npx lab reset/ }).waitFor()
    await page.locator('.pane[aria-label="node2"] .xterm-rows', { hasText: 'this shell has ended' }).waitFor()
  })

  test('and no more, once the nodes are new', async () => {
    expect(await lab.run('reset')).toMatchObject({ code: 0 })
    await page.locator('#news').waitFor({ state: 'hidden' })
    await page.locator('#map svg', { hasText: 'node2' }).waitFor()
  })

  /** As this host numbers it: the first of the process namespace that a process of ours in the node is in. */
  async function firstProcessOf(node: string): Promise<number> {
    const word = `dead-${process.pid}`
    const { child, ended } = lab.begin('exec', node, '--', 'sh', '-c', `sleep 1000; : ${word}`)
    const mine = await eventually(() => processes().find(pid => read(pid, 'cmdline').includes(word) && read(pid, 'status').match(/^NSpid:(\t\d+){2,}$/m) !== null), pid => pid !== undefined)
    const first = processes().find(pid => namespaceOf(pid) === namespaceOf(mine ?? 0) && /^NSpid:.*\t1$/m.test(read(pid, 'status')))
    child.kill('SIGKILL')
    await ended
    if (first === undefined) throw new Error(`no first process of ${node}`)
    return first
  }
})

function processes(): readonly number[] {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(Number)
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

function namespaceOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return ''
  }
}
