// Makes a cluster, and unmakes it when whoever started this has ended: keeper.ts TASK. Says `made` when it is up. A line `keep`
// on standard input lets it live; without one, the end of that input ends the cluster, also while it is being made.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { Unable } from '../../core/mistake.ts'
import { engineAt } from '../docker/engine.ts'
import { keep, makeNetwork, remove } from './cluster.ts'

export interface Task {
  readonly host: string
  /** The program. */
  readonly kind: string
  readonly name: string
  readonly image: string
  readonly config: string
  readonly labels: Readonly<Record<string, string>>
  readonly mtu: number
}

/** Longer than an engine takes to make a container: what was asked for when kind was killed may appear yet. */
const APPEARS_MS = 3_000

const task = JSON.parse(process.argv[2] ?? '') as Task
const engine = engineAt(task.host)
const over = Promise.withResolvers<'keep' | 'end'>()
createInterface({ input: process.stdin }).on('line', line => {
  if (line === 'keep') over.resolve('keep')
}).on('close', () => over.resolve('end'))

// Nobody may be there any more to hear it.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

let killed = false
let ours = false
try {
  await makeNetwork(engine, task.name, task.labels, task.mtu)
  ours = true
  await create(task)
  process.stdout.write('made\n')
  if (await over.promise === 'keep') {
    await keep(engine, task.name)
    ours = false
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
if (ours) {
  // The network is what a cluster is found by: it goes when nothing can come any more.
  if (killed) await pause(APPEARS_MS)
  await remove(engine, task.name)
}
// The other end of the pipe may stay open.
process.exit()

/** Throws kind's own words. */
async function create({ host, kind, name, image, config }: Task): Promise<void> {
  // kind would write into the user's own kubeconfig; and it reads the first of that name in its folder.
  const folder = mkdtempSync(join(tmpdir(), 'kind-'))
  try {
    const child = spawn(kind, ['create', 'cluster', '--name', name, '--image', image, '--config', '-', '--kubeconfig', join(folder, 'config')], {
      // A group of its own: the commands that it runs end with it.
      detached: true, stdio: ['pipe', 'ignore', 'pipe'],
      env: {
        ...process.env, DOCKER_HOST: host, PATH: `${process.env['PATH'] ?? ''}${delimiter}${dirname(kind)}`,
        KIND_EXPERIMENTAL_PROVIDER: 'docker', KIND_EXPERIMENTAL_DOCKER_NETWORK: name,
      },
    })
    child.stdin.on('error', () => {})
    child.stdin.end(config)
    const said = text(child.stderr)
    const ended = new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject))
    void over.promise.then(how => {
      if (how === 'keep' || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
      killed = true
      process.kill(-child.pid, 'SIGKILL')
    })
    if (await ended === 0) return
    const lines = (await said).trim().split('\n')
    throw new Unable(lines.slice(Math.max(0, lines.findIndex(line => line.startsWith('ERROR')))).slice(0, 20).join('\n'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
