// npm run proof: proves the course on this machine, keeps in docs/proof.json what was seen, and writes it into README.md.
// `npm run proof 05` proves lab 05 alone, after it has changed. A lab that is not proven in every part is not written: the reason, and status 1.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import type { Report } from '../runner/cli/commands/verify.ts'
import { featureNames } from '../runner/cli/features.ts'
import { listLabs, loadLab, projectRoot, resolveLab } from '../runner/engine/course.ts'
import { JOBS, listed, seenIn, type Seen } from './proven.ts'
import { generated, PROOF, proven } from './readme.ts'

function machine(): string {
  const processors = availableParallelism()
  return `${processors} processor${processors === 1 ? '' : 's'}, ${Math.round(totalmem() / 2 ** 30)} GiB of memory, ${type()} ${/^\d+\.\d+/.exec(release())?.[0] ?? release()}`
}

async function main(names: readonly string[]): Promise<number> {
  const all = listLabs(projectRoot)
  const chosen = names.length === 0 ? all : await Promise.all(names.map(name => resolveLab(projectRoot, name)))
  const which = names.length === 0 ? ['--all'] : chosen.map(({ slug }) => slug)
  // Ctrl-C reaches the proof too, and what it takes away before it ends is waited for.
  process.on('SIGINT', () => {})
  const ran = spawnSync(join(projectRoot, 'runner/cli/launch'), ['verify', ...which, '--jobs', JOBS, '--json'],
    // Always the course of this project, whatever LAB_COURSE says.
    { cwd: projectRoot, env: { ...process.env, LAB_COURSE: '' }, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 1 << 28 })
  const report = ran.stdout === '' ? undefined : JSON.parse(ran.stdout) as Report
  if (report === undefined) throw new Error(`\`lab verify\` ended with ${ran.status ?? ran.signal ?? '?'} and reported nothing`)
  return keep(report, chosen.map(({ slug }) => slug), { date: new Date().toISOString().slice(0, 10), machine: machine() })
}

/** Writes what it says of these labs. One that it does not prove in every part loses what an earlier proof has seen. */
async function keep(report: Report, slugs: readonly string[], at: Pick<Seen, 'date' | 'machine'>): Promise<number> {
  const kept = new Map(Object.entries(proven()))
  let not = 0
  for (const slug of slugs) {
    kept.delete(slug)
    try {
      kept.set(slug, seenIn(report, slug, listed(await loadLab(projectRoot, slug, { features: featureNames })), at))
    } catch (error) {
      process.stderr.write(`not written: ${error instanceof Error ? error.message : String(error)}\n`)
      not++
    }
  }
  const inOrder = listLabs(projectRoot).flatMap(({ slug }) => {
    const seen = kept.get(slug)
    return seen === undefined ? [] : [[slug, seen] as const]
  })
  writeFileSync(PROOF, `${JSON.stringify(Object.fromEntries(inOrder), null, 2)}\n`)
  const readme = join(projectRoot, 'README.md')
  writeFileSync(readme, await generated(readFileSync(readme, 'utf8')))
  process.stderr.write(`${slugs.length - not} of ${slugs.length} written into docs/proof.json and README.md\n`)
  return not === 0 ? 0 : 1
}

if (import.meta.main) {
  process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(`nothing is written: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  })
}
