// From the Enter key in a lab's shell to the verdict in the watching terminal, both on real ptys.
import { spawn, type IPty } from '@lydell/node-pty'

/** Milliseconds of each run: forwarding of node1 is switched off and on, and the watching terminal must say so. */
export async function typedToVerdict(launch: string, env: NodeJS.ProcessEnv, runs: number): Promise<readonly number[]> {
  const open = (...args: readonly string[]): IPty => spawn(launch, [...args], { cols: 120, rows: 60, env: Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined)) })
  const watching = open('watch')
  const shell = open('shell', 'node1')
  let seen = ''
  const waiting: { readonly pattern: RegExp; readonly done: () => void }[] = []
  watching.onData(text => {
    seen += text
    for (const { pattern, done } of waiting) if (pattern.test(seen)) done()
  })
  const shows = async (pattern: RegExp): Promise<void> => new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the watching terminal never showed ${pattern}: ${seen.slice(-500)}`)), 20_000)
    waiting.push({ pattern, done: () => { clearTimeout(timer); resolve() } })
    if (pattern.test(seen)) waiting.at(-1)?.done()
  })
  const prompted = new Promise<void>(resolve => shell.onData(text => { if (text.includes('# ')) resolve() }))
  try {
    await Promise.all([shows(/q quit/), prompted])
    const taken: number[] = []
    for (let run = 0; run < runs; run++) {
      for (const [value, pattern] of [[0, /held before|broken/], [1, /all steps hold|This step holds|Every step/]] as const) {
        seen = ''
        const started = performance.now()
        shell.write(`sysctl -w net.ipv4.ip_forward=${value}\r`)
        await shows(pattern)
        taken.push(performance.now() - started)
      }
    }
    return taken
  } finally {
    watching.kill()
    shell.kill()
  }
}
