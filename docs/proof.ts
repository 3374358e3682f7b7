// npm run proof: proves the course on this machine, keeps in docs/proof.json what was seen, and writes it into README.md.
// `npm run proof 05` proves lab 05 alone, after it has changed. What is not proven in every part is not written: the reason, and status 1.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import type { Report } from '../runner/cli/commands/verify.ts'
import { featureNames } from '../runner/cli/features.ts'
import { listLabs, loadLab, projectRoot, resolveLab } from '../runner/engine/course.ts'
import { JOBS, listed, seenIn, together } from './proven.ts'
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
  const loaded = await Promise.all(chosen.map(({ slug }) => loadLab(projectRoot, slug, { features: featureNames })))
  const seen = seenIn(report, new Map(loaded.map(lab => [lab.slug, listed(lab)])))
  const before = proven()
  const labs = Object.fromEntries(all.flatMap(({ slug }) => {
    const one = seen[slug] ?? before.labs[slug]
    return one === undefined ? [] : [[slug, one]]
  }))
  const course = names.length === 0 ? { ...together(report, seen), date: new Date().toISOString().slice(0, 10), machine: machine() } : before.course
  writeFileSync(PROOF, `${JSON.stringify({ ...(course === undefined ? {} : { course }), labs }, null, 2)}\n`)
  const readme = join(projectRoot, 'README.md')
  writeFileSync(readme, await generated(readFileSync(readme, 'utf8')))
  process.stderr.write('written into docs/proof.json and README.md\n')
  return 0
}

if (import.meta.main) {
  process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(`nothing is written: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  })
}
