// What a learner has finished, in a text file that a person can read and mend: one line a step,
//
//   05-static-routes route-out 2026-11-20
//
// the lab, the step, the day it was first completed. A line that starts with # is a remark, an unknown line is
// kept as it is, and a step that is there twice counts once. That the nodes are gone changes nothing here: it
// says what was learnt, not what is.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FILE = 'progress'

export function readProgress(home: string): ReadonlyMap<string, ReadonlySet<string>> {
  const done = new Map<string, Set<string>>()
  for (const line of lines(home)) {
    const [lab, step] = line.split(' ')
    if (lab === undefined || step === undefined || lab.startsWith('#')) continue
    done.set(lab, (done.get(lab) ?? new Set()).add(step))
  }
  return done
}

export function recordProgress(home: string, lab: string, step: string, day = new Date().toISOString().slice(0, 10)): void {
  if (readProgress(home).get(lab)?.has(step)) return
  mkdirSync(home, { recursive: true })
  const path = join(home, FILE)
  // Written aside and renamed: a crash leaves the old file or the new one, never half of one.
  const aside = `${path}.${process.pid}`
  writeFileSync(aside, [...lines(home), `${lab} ${step} ${day}`].map(line => `${line}\n`).join(''))
  renameSync(aside, path)
}

function lines(home: string): readonly string[] {
  const path = join(home, FILE)
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(line => line !== '') : []
}
