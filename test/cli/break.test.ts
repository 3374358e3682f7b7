import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { course } from '../helpers/course.ts'
import { labIn, type Lab } from '../helpers/lab.ts'
import { providersHere } from '../helpers/providers.ts'
import { inTerminal } from '../helpers/terminal.ts'

const LESSON = `---
title: Rooms
minutes: 10
topology:
  segments: { fab: {} }
  nodes:
    node1: { eth0: { segment: fab, address: 192.168.1.11/24 } }
---
Why one room?

## A room {#room}

\`\`\`sh node1
ip netns add red
\`\`\`

## A route {#route}

\`\`\`sh node1
ip route add 10.1.0.0/16 via 192.168.1.12
\`\`\`
`
const LAB = `import { defineLab, pass, fail } from 'hardway/lab'
const room = { claim: 'node1 has red', look: async bench => {
  const all = await bench.namespaces('node1')
  return all.some(one => one.named === 'red') ? pass(all[0].evidence) : fail('the room is gone', all[0].evidence)
} }
const route = { claim: 'node1 knows the way', look: async bench => {
  const seen = await bench.place('node1').exec(['ip', 'route', 'get', '10.1.2.3'])
  return seen.stdout.includes('via 192.168.1.1') ? pass(seen) : fail('the way is lost', seen)
} }
export default defineLab({ steps: {
  room: { checks: [room], hints: ['?'], mutants: {
    'of no effect': { refusedBy: room.claim, after: ({ node1 }) => node1\`ip netns add green\` },
    'cannot be done': { refusedBy: room.claim, after: ({ node1 }) => node1\`ip link del never-there\` },
  } },
  route: { checks: [route], hints: ['?'], mutants: { 'a way that was shut': { refusedBy: route.claim, after: ({ node1 }) => node1\`ip route replace unreachable 10.1.0.0/16\` } } },
} })
`
const FILES = { 'labs/01-rooms/lesson.md': LESSON, 'labs/01-rooms/lab.ts': LAB }
const why = (await providersHere()).find(({ name }) => name === 'embedded')?.because

function onNodes(title: string, work: (lab: Lab) => Promise<void>): void {
  test(title, async ({ skip }) => {
    if (why !== undefined) skip(why)
    const lab = labIn({ LAB_COURSE: course(FILES) })
    expect((await lab.run('start', '01', '--no-watch', '--provider', 'embedded')).code).toBe(0)
    await work(lab)
  })
}

const exec = async (lab: Lab, ...argv: readonly string[]): Promise<void> => expect((await lab.run('exec', 'node1', '--', ...argv)).code).toBe(0)
const journal = (lab: Lab): readonly { kind: string; [key: string]: unknown }[] =>
  readFileSync(join(lab.home, 'labs/01-rooms/journal.ndjson'), 'utf8').split('\n').filter(Boolean).map(line => JSON.parse(line) as { kind: string })

onNodes('only a finished lab is broken; what does not hold is said, with the command that finishes it', async lab => {
  const ran = await lab.run('break', '--json')
  expect(ran).toMatchObject({ code: 1, stdout: '' })
  expect(ran.stderr).toMatch(/only a finished lab[^]*room {2}A room\n {2}route {2}A route\n[^]*lab solve --all/)
})

onNodes('one fault that breaks a claim is done, and not told; what has no effect or cannot be done is passed by; mended, it is named', async lab => {
  expect((await lab.run('solve', '--all')).code).toBe(0)
  const ran = await lab.run('break', '--seed', '3', '--json')
  expect(ran.code, ran.stderr).toBe(0)
  expect(JSON.parse(ran.stdout)).toEqual({ lab: '01-rooms', seed: 3, failing: 1, claims: 2 })
  expect(ran.stdout + ran.stderr + JSON.stringify(journal(lab))).not.toMatch(/a way that was shut|of no effect/)
  // Nothing of the faults that were passed by.
  expect((await lab.run('exec', 'node1', '--', 'ip', 'netns')).stdout).not.toMatch(/green/)
  expect(await lab.run('check')).toMatchObject({ code: 1, stdout: expect.stringMatching(/✗ node1 knows the way\n {4}the way is lost/) as string })
  expect(await lab.run('break')).toMatchObject({ code: 1, stderr: expect.stringMatching(/something is broken since \d\d:\d\d already/) as string })
  expect(JSON.parse((await lab.run('status', '--json')).stdout)).toMatchObject({ labs: [{ broken: { since: expect.stringMatching(/^20/) as string } }] })
  // Something else is broken on the way, and mended too.
  await exec(lab, 'ip', 'netns', 'del', 'red')
  await lab.run('check')
  await exec(lab, 'ip', 'netns', 'add', 'red')
  await exec(lab, 'ip', 'route', 'replace', '10.1.0.0/16', 'via', '192.168.1.13')
  expect((await lab.run('check')).code).toBe(0)
  expect(journal(lab).filter(({ kind }) => kind === 'mended')).toMatchObject([{ commands: 4, claims: 1, regressions: ['node1 has red'], helped: false }])
  // It holds, in another way than the printed one.
  expect(await lab.run('diff', '--kind')).toMatchObject({ code: 1, stdout: 'Your way differs from the printed one in 1 thing, and every claim up to "A route" holds.\n  node1: a route is different\n' })
})

onNodes('the watching terminal says since when, which claims fail and not why, and at the end what it was', async lab => {
  await lab.run('solve', '--all')
  const terminal = inTerminal(lab, 'watch')
  await terminal.shows(/all steps hold/)
  expect((await lab.run('break')).code).toBe(0)
  await terminal.shows(/Something is broken since \d\d:\d\d: find it(?![^]*the way is lost)[^]*✗ node1 knows the way/)
  await exec(lab, 'ip', 'route', 'replace', '10.1.0.0/16', 'via', '192.168.1.12')
  await terminal.shows(/Mended in \d+ s with 1 command: 1 claim holds again\.\s+It was: a way that was shut \(A route\)\.\s+Nothing else was broken on the way/)
  terminal.types('q')
  expect(await terminal.ended).toBe(0)
})

onNodes('diff gives away as much as was asked for, in text and in JSON, and what it says to type takes the difference away', async lab => {
  expect(await lab.run('diff')).toMatchObject({ code: 1, stdout: 'Your network differs in 1 thing from what the lesson makes of it up to "A room".\n', stderr: 'more: `npx lab diff --kind` says of what kind, and where\n' })
  expect((await lab.run('diff', '--kind')).stdout).toMatch(/\n {2}node1: a namespace is missing\n$/)
  expect((await lab.run('diff', '--object')).stdout).toMatch(/\n {2}node1: the namespace red is missing\n$/)
  const said = await lab.run('diff', '--command')
  expect(said).toMatchObject({ stdout: expect.stringMatching(/\n {4}node1# ip netns add red\n$/) as string, stderr: '' })
  expect(JSON.parse((await lab.run('diff', '--json')).stdout)).toEqual({ lab: '01-rooms', step: 'room', holds: false, count: 1 })
  expect(JSON.parse((await lab.run('diff', '--object', '--json')).stdout)).toMatchObject({ differences: [{ place: 'node1', kind: 'namespace', how: 'missing', object: 'the namespace red', have: null }] })
  await exec(lab, 'ip', 'netns', 'add', 'red')
  expect(await lab.run('diff', 'room')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^No difference/) as string })
  expect((await lab.run('diff', 'route')).code).toBe(1)
  expect((await lab.run('diff', '--kind', '--object')).code).toBe(2)
})
