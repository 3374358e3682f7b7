// How quick the live page is, in a real browser: milliseconds, by the browser's own clock.
import { spawn } from 'node:child_process'
import { openBrowser } from '../helpers/browser.ts'

export interface PageTimes {
  readonly firstPaint: number
  /** Of each of some keys. */
  readonly keyToEcho: readonly number[]
  readonly commandToDrawing: number
  /** Until the last of 5,000 lines is shown, and the longest that the page did not draw meanwhile. */
  readonly lines: number
  readonly longestFrame: number
}

/** None of these is in a prompt. */
const KEYS = ['Q', 'W', 'X', 'Y', 'Z', 'V', 'J']
/** Between two keys of a quick typist: more often than every frame nobody types. */
const TYPING_MS = 100

/** A lab is running; its page is served meanwhile. */
export async function pageTimes(launch: string, env: NodeJS.ProcessEnv, runs: number): Promise<readonly PageTimes[]> {
  const server = spawn(launch, ['serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const link = await new Promise<string>((resolve, reject) => {
    server.stdout.on('data', (piece: Buffer) => resolve(piece.toString().trim()))
    server.on('exit', code => reject(new Error(`lab serve ended with ${code}`)))
  })
  const browser = await openBrowser()
  try {
    const all: PageTimes[] = []
    for (let run = 0; run < runs; run++) {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
      const page = await context.newPage()
      await page.goto(link)
      await page.locator('#map svg').waitFor()
      const firstPaint = await page.evaluate<number>(`performance.getEntriesByName('first-contentful-paint')[0].startTime`)
      await page.locator('.pane .xterm-rows', { hasText: '#' }).waitFor()
      await page.locator('.pane textarea').focus()
      // From the key's event to the change that shows its effect. It is watched for before the key is pressed, and asked for
      // after. Not by looking at each frame: whoever asks for frames has everything else wait for the next one.
      const pressed = async (key: string, watch: string): Promise<number> => {
        await page.evaluate(`window.measured = new Promise(resolve => {
          let from
          addEventListener('keydown', () => { from = performance.now() }, { once: true, capture: true })
          const changes = new MutationObserver(() => {
            if (from === undefined || !(${watch})) return
            changes.disconnect()
            resolve(performance.now() - from)
          })
          changes.observe(document.body, { childList: true, characterData: true, subtree: true })
        }); undefined`)
        await page.keyboard.press(key)
        return page.evaluate('window.measured')
      }
      const text = (selector: string): string => `document.querySelector('${selector}').textContent`
      const echoes: number[] = []
      for (const key of KEYS) {
        echoes.push(await pressed(key, `${text('.pane .xterm-rows')}.includes('${key}')`))
        await page.keyboard.press('Backspace')
        await page.waitForTimeout(TYPING_MS)
      }
      await page.keyboard.type(`ip link add bench${run} type bridge`)
      const commandToDrawing = await pressed('Enter', `${text('#map')}.includes('bench${run}')`)
      await page.keyboard.type('seq 5000')
      await page.evaluate(`window.longestFrame = 0; {
        let last = performance.now()
        const frame = () => {
          window.longestFrame = Math.max(window.longestFrame, performance.now() - last)
          last = performance.now()
          requestAnimationFrame(frame)
        }
        requestAnimationFrame(frame)
      } undefined`)
      const lines = await pressed('Enter', `/4999\\s*5000/.test(${text('.pane .xterm-rows')})`)
      const longestFrame = await page.evaluate<number>('window.longestFrame')
      all.push({ firstPaint, keyToEcho: echoes, commandToDrawing, lines, longestFrame })
      await context.close()
    }
    return all
  } finally {
    await browser.close()
    server.kill('SIGINT')
  }
}
