// From the Enter key in a lab's shell to the verdict in the watching terminal, both on real ptys.
import { spawn, type IPty } from '@lydell/node-pty'

/** Milliseconds of each run: at the first step of lab 05 forwarding of node1 is switched on and off, and its claim must follow. */
export async function typedToVerdict(launch: string, env: NodeJS.ProcessEnv, runs: number): Promise<readonly number[]> {
  const open = (...args: readonly string[]): IPty => spawn(launch, [...args], { cols: 120, rows: 60, env: Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined)) })
  const watching = open('watch')
  const shell = open('shell', 'node1')
  /** The panel as it is now: it is drawn anew after each clearing. */
  let panel = ''
  let waiting: { readonly is: (panel: string) => boolean; readonly done: () => void } | undefined
  watching.onData(text => {
    panel = (panel + text).split('\x1b[J').at(-1) ?? ''
    if (panel.includes('q quit') && waiting?.is(panel)) waiting.done()
  })
  const shows = async (is: (panel: string) => boolean): Promise<void> => new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the watching terminal never showed it: ${panel.slice(-800)}`)), 20_000)
    waiting = { is, done: () => {
      clearTimeout(timer)
      waiting = undefined
      resolve()
    } }
    if (panel.includes('q quit') && is(panel)) waiting.done()
  })
  const prompted = new Promise<void>(resolve => shell.onData(text => { if (text.includes('# ')) resolve() }))
  try {
    await Promise.all([shows(() => true), prompted])
    const taken: number[] = []
    for (let run = 0; run < runs; run++) {
      for (const [value, mark] of [[1, '✓'], [0, '✗']] as const) {
        const started = performance.now()
        shell.write(`sysctl -w net.ipv4.ip_forward=${value}\r`)
        await shows(panel => panel.includes(`${mark} node1 forwards`))
        taken.push(performance.now() - started)
      }
    }
    return taken
  } finally {
    watching.kill()
    shell.kill()
  }
}
