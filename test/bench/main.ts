// npm run bench: what the README says of speed, measured side by side. Each figure is the median of fresh processes;
// compare the ratios, which hold when the machine's speed does not. Nothing is asserted.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseLesson } from '../../runner/core/lesson.ts'
import { printedSolution } from '../../runner/core/agree.ts'
import { readFileSync } from 'node:fs'
import { noBrowser } from '../helpers/browser.ts'
import { chosen } from '../helpers/chosen.ts'
import { providersHere } from '../helpers/providers.ts'
import { agreementOn, byJq } from '../kubernetes/agreement.ts'
import { PODS, type ApiObject } from '../kubernetes/generated.ts'
import { pageTimes } from './page.ts'
import { typedToVerdict } from './typed.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const launch = join(root, 'runner/cli/launch')
const home = mkdtempSync(join(tmpdir(), 'lab-bench-'))
const env = { ...process.env, LAB_HOME: home, NO_COLOR: '1' }
const RUNS = 5

function once(argv: readonly string[]): number {
  const [file = '', ...args] = argv
  const started = performance.now()
  const { status, stderr } = spawnSync(file, args, { env, cwd: root, encoding: 'utf8' })
  const ms = performance.now() - started
  if (status === null || status > 1) throw new Error(`${argv.join(' ')} ended with ${status}: ${stderr}`)
  return ms
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}

function timed(argv: readonly string[], after?: () => void, runs = RUNS): number {
  once(argv)
  after?.()
  return median(Array.from({ length: runs }, () => {
    const ms = once(argv)
    after?.()
    return ms
  }))
}

function closed(namespace: string): ApiObject {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'closed', namespace }, spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] } }
}

const bare = timed([process.execPath, '-e', '0'], undefined, 11)
const rows: (readonly string[])[] = []
function row(what: string, ms: number, target: string): void {
  rows.push([what, `${(ms / 1000).toFixed(3)} s`, `${(ms / bare).toFixed(1)} ×`, target])
  process.stderr.write(`${what}: ${(ms / 1000).toFixed(3)} s\n`)
}

try {
  row('node -e 0', bare, '')
  row('lab list', timed([launch, 'list'], undefined, 11), 'at most 4 × node -e 0')
  const script = (...args: readonly string[]): readonly string[] => [launch, '--node', join(root, 'test/bench/nodes.ts'), ...args]
  const bareProcess = timed(script('nothing'))
  for (const { name, because } of await providersHere()) {
    if (because !== undefined) {
      rows.push([`${name}: not here (${because})`, '', '', ''])
      continue
    }
    once([launch, 'start', '01', '--no-watch', '--provider', name])
    once([launch, 'stop', '--all'])
    const down = (): void => void once(script('down', name))
    row(`${name}: start of 3 nodes`, timed(script('up', name, '3'), down), name === 'embedded' ? '0.3 s' : '0.6 s')
    once(script('up', name, '3'))
    const stops: number[] = []
    for (let run = 0; run < RUNS; run++) {
      stops.push(once(script('down', name)))
      once(script('up', name, '3'))
    }
    row(`${name}: stop, beyond the start of its process`, median(stops) - bareProcess, name === 'embedded' ? '0.1 s' : '0.2 s')
    row(`${name}: find a node and run true, beyond the same`, timed(script('exec', name)) - bareProcess, '')
    down()
  }
  row('embedded: start of 64 nodes', timed(script('up', 'embedded', '64'), () => void once(script('down', 'embedded')), 3), '1.2 s')
  row('embedded: start of 256 nodes', timed(script('up', 'embedded', '256'), () => void once(script('down', 'embedded')), 3), '4.5 s')
  const memory = median(Array.from({ length: 3 }, () =>
    Number(execFileSync(launch, ['--node', join(root, 'test/bench/nodes.ts'), 'memory', 'embedded', '256'], { env, encoding: 'utf8' }))))
  rows.push(['embedded: memory of a node, of 256', `${(memory / 1024).toFixed(2)} MB`, '', 'at most 2 MB'])

  for (const [what, policies] of [['all answer', []], ['nobody does', PODS.map(({ namespace }) => namespace).filter((one, index, all) => all.indexOf(one) === index).map(closed)]] as const) {
    await using nodes = await agreementOn(await chosen('embedded', home), byJq())
    const times: number[] = []
    for (let run = 0; run < RUNS; run++) times.push((await nodes.compare(policies)).ms)
    row(`9 pods ask 9 pods on 4 ports, by TCP and UDP, and ${what}`, median(times), '4 s')
  }
  once([launch, 'start', '05', '--no-watch', '--provider', 'embedded'])
  const { steps } = parseLesson(readFileSync(join(root, 'labs/05-static-routes/lesson.md'), 'utf8'), 'lesson.md')
  for (const block of steps.flatMap(printedSolution)) {
    if (block.kind === 'command') once([launch, 'exec', block.place, '--', 'bash', '-ec', block.script])
  }
  row('lab check of the finished lab 05', timed([launch, 'check', '--json']), '0.4 s')
  row('lab trace on its five machines', timed([launch, 'trace', 'red', 'green']), '1.5 s')
  once([launch, 'exec', 'node2', '--', 'nft', 'add table ip w; add chain ip w f { type filter hook forward priority 0; policy drop; }'])
  row('the same, and a filter is asked', timed([launch, 'trace', 'red', 'green']), '1.5 s')
  once([launch, 'reset'])
  row('from a command typed to the verdict', median(await typedToVerdict(launch, env, RUNS)), '0.3 s')
  if (noBrowser === undefined) {
    const times = await pageTimes(launch, env, RUNS)
    row('page: first paint', median(times.map(({ firstPaint }) => firstPaint)), '0.5 s')
    row('page: from a key to its echo', median(times.flatMap(({ keyToEcho }) => keyToEcho)), '0.02 s')
    row("page: from a command to its effect on the drawing", median(times.map(({ commandToDrawing }) => commandToDrawing)), '0.4 s')
    row('page: 5,000 lines in a terminal', median(times.map(({ lines }) => lines)), '')
    row('page: the longest that it did not draw meanwhile', median(times.map(({ longestFrame }) => longestFrame)), '')
  } else rows.push([`page: not here (${noBrowser})`, '', '', ''])
  once([launch, 'stop', '--all'])
  const clusters = Array.from({ length: 3 }, () =>
    execFileSync(launch, ['--node', join(root, 'test/bench/cluster.ts')], { env, encoding: 'utf8' }).split(' ').map(Number))
  row('lab 23: control plane ready', median(clusters.map(([controlPlane]) => controlPlane ?? NaN)), '4 s')
  row('lab 23: both nodes Ready', median(clusters.map(([, ready]) => ready ?? NaN)), '12 s')
  rows.push(['lab 23: memory of its three nodes', `${(median(clusters.map(([, , memory]) => memory ?? NaN)) / 1024 / 1024).toFixed(2)} GB`, '', 'at most 1.5 GB'])
  const proof = ['verify', '01', '02', '05', '--provider', 'embedded']
  row('proof of 01, 02 and 05 on embedded', once([launch, ...proof]), '60 s')
  if (spawnSync('mn', ['--version']).status === 0) {
    row('mininet: 3 hosts up and down', timed(['mn', '--switch', 'lxbr', '--controller', 'none', '--topo', 'single,3', '--test', 'none'], undefined, 3), 'to compare')
  }
} finally {
  spawnSync(launch, ['stop', '--all'], { env })
  rmSync(home, { recursive: true, force: true })
}

const widths = [0, 1, 2, 3].map(column => Math.max(...rows.map(cells => cells[column]?.length ?? 0)))
for (const cells of rows) process.stdout.write(`${cells.map((cell, column) => column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)).join('  ').trimEnd()}\n`)
