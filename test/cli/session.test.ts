import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { course } from '../helpers/course.ts'
import { labIn, type Lab } from '../helpers/lab.ts'
import { providersHere } from '../helpers/providers.ts'
import { inTerminal } from '../helpers/terminal.ts'

/** Two small labs, so that these tests are about the runner and not about a lab of the course. */
const LESSON = (title: string): string => `---
title: ${title}
minutes: 10
topology:
  segments: { fab: {} }
  nodes:
    node1: { eth0: { segment: fab, address: 192.168.1.11/24 } }
    node2: { eth0: { segment: fab, address: 192.168.1.12/24 } }
---
Why two rooms are better than one.

## A first room {#first}

\`\`\`sh node1
ip netns add red
\`\`\`

\`\`\`answer inode
What is the inode of red?
\`\`\`

## A second room {#second}

\`\`\`sh node2
ip netns add blue
\`\`\`

\`\`\`sh node2/blue
ip link set lo up
\`\`\`

\`\`\`file node2:/etc/rooms
blue
\`\`\`
`
const LAB = `import { defineLab, pass, fail } from 'hardway/lab'
const room = (node, name) => ({ claim: node + ' has ' + name, look: async bench => {
  const all = await bench.namespaces(node)
  const found = all.find(one => one.named === name)
  return found ? pass(found.evidence) : fail('no ' + name, all[0].evidence)
} })
const inode = async bench => String((await bench.namespaces('node1')).find(one => one.named === 'red')?.inode)
export default defineLab({
  setup: ({ node1 }) => node1\`echo set >/etc/set-up\`,
  steps: {
    first: {
      checks: [room('node1', 'red')], hints: ['A question?', failing => 'Failing: ' + failing.join(), 'ip netns add red'],
      answers: { inode: {
        right: inode, wrong: ['1', 'x'],
        grade: async (bench, value) => (await bench.namespaces('node1')).flatMap(one => value === String(one.inode) && one.named ? [pass(one.evidence)] : [])[0]
          ?? fail('that is not it', (await bench.namespaces('node1'))[0].evidence),
      } },
    },
    second: { checks: [room('node2', 'blue'), { claim: 'the file is written', look: async bench => {
      const seen = await bench.place('node2').exec(['cat', '/etc/rooms'])
      return seen.stdout === 'blue\\n' ? pass(seen) : fail('not written', seen)
    } }], hints: ['?'] },
  },
})
`
const FILES = { 'labs/01-rooms/lesson.md': LESSON('Rooms'), 'labs/01-rooms/lab.ts': LAB, 'labs/02-others/lesson.md': LESSON('Others'), 'labs/02-others/lab.ts': LAB }

function json(ran: { readonly stdout: string; readonly stderr: string }): unknown {
  if (ran.stdout === '') throw new Error(`nothing on standard output: ${ran.stderr}`)
  return JSON.parse(ran.stdout)
}

async function started(provider: string, lab: Lab, name = '01'): Promise<void> {
  const ran = await lab.run('start', name, '--no-watch', '--provider', provider)
  expect(ran.code, ran.stderr).toBe(0)
}

for (const { name: provider, because } of await providersHere()) {
  const onNodes = (title: string, work: (lab: Lab) => Promise<void>): void => {
    test(`${provider}: ${title}`, async ({ skip }) => {
      if (because !== undefined) skip(because)
      await work(labIn({ LAB_COURSE: course(FILES) }))
    })
  }

  onNodes('start prints the first step and ends where there is no terminal; check goes from 1 to 0 as the commands are typed', async lab => {
    const start = await lab.run('start', '01', '--no-watch', '--provider', provider)
    expect(start.stdout).toMatch(/Why two rooms[^]*A first room[^]*ip netns add red/)
    expect(await lab.run('check')).toMatchObject({ code: 1, stdout: expect.stringMatching(/✗ node1 has red\n {4}no red/) as string })
    expect((await lab.run('exec', 'node1', '--', 'ip', 'netns', 'add', 'red')).code).toBe(0)
    expect((await lab.run('check', 'first')).code).toBe(0)
    expect((await lab.run('check')).code).toBe(1)
    expect((await lab.run('solve', '--all')).code).toBe(0)
    const check = await lab.run('check', '--json')
    expect(check).toMatchObject({ code: 0, stderr: '' })
    expect(json(check)).toMatchObject({ lab: '01-rooms', steps: [
      { id: 'first', title: 'A first room', status: 'pass', verdicts: [{ claim: 'node1 has red', status: 'pass', evidence: [{ argv: ['/usr/local/lib/hardway/namespaces'], exitCode: 0 }] }] },
      { id: 'second', status: 'pass', verdicts: [{}, { claim: 'the file is written', evidence: [{ place: 'node2', argv: ['cat', '/etc/rooms'], stdout: 'blue\n', stderr: '' }] }] },
    ] })
  })

  onNodes("exec passes on the command's exit status, both of its outputs, and standard input when asked", async lab => {
    await started(provider, lab)
    expect(await lab.run('exec', 'node1', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7')).toMatchObject({ code: 7, stdout: 'out\n', stderr: 'err\n' })
    expect(await lab.run('exec', 'node1', '--', 'cat')).toMatchObject({ code: 0, stdout: '' })
    expect(await lab.run('exec', 'node9', '--', 'true')).toMatchObject({ code: 2, stderr: 'lab: there is no node `node9`; the nearest is `node1`. There are node1, node2.\n' })
    expect((await lab.run('exec', 'node1/none', '--', 'true')).code).not.toBe(0)
  })

  onNodes('two labs run at once, their nodes apart; without a name the last started is meant, and it says so', async lab => {
    await started(provider, lab, '01')
    await started(provider, lab, '02')
    await lab.run('exec', 'node1', '--', 'ip', 'netns', 'add', 'red')
    const status = json(await lab.run('status', '--json')) as { labs: { lab: string; nodes: unknown }[] }
    expect(status.labs.map(one => one.lab)).toEqual(['02-others', '01-rooms'])
    expect(status.labs[0]?.nodes).toEqual([{ name: 'node1', alive: true }, { name: 'node2', alive: true }])
    expect((await lab.run('check', 'first')).stderr).toMatch(/of 2 running labs this means 02-others, the last started/)
    expect((await lab.run('check', 'first')).code).toBe(0)
    await lab.run('stop', '02')
    expect((await lab.run('check', 'first')).code).toBe(1)
  })

  onNodes('a lab that is running is not started anew: what was built stays', async lab => {
    await started(provider, lab)
    await lab.run('exec', 'node1', '--', 'ip', 'netns', 'add', 'red')
    const again = await lab.run('start', '01', '--no-watch')
    expect(again.stderr).toMatch(/running already/)
    expect((await lab.run('check', 'first')).code).toBe(0)
  })

  onNodes('goto brings fresh nodes to the beginning of a step, reset to that of the lab', async lab => {
    await started(provider, lab)
    expect((await lab.run('goto', 'second')).code).toBe(0)
    expect(json(await lab.run('check', '--json'))).toMatchObject({ steps: [{ status: 'pass' }, { status: 'fail' }] })
    expect((await lab.run('exec', 'node1', '--', 'cat', '/etc/set-up')).stdout).toBe('set\n')
    expect((await lab.run('reset')).code).toBe(0)
    expect(json(await lab.run('check', '--json'))).toMatchObject({ steps: [{ status: 'fail' }, { status: 'fail' }] })
    expect(await lab.run('goto', 'secnod')).toMatchObject({ code: 2, stderr: expect.stringMatching(/nearest is `second`/) as string })
  })

  onNodes('hints climb to the last, know what fails, and stay there', async lab => {
    await started(provider, lab)
    const texts: string[] = []
    for (let round = 0; round < 4; round++) texts.push((await lab.run('hint')).stdout.trim())
    expect(texts).toEqual(['A question?', 'Failing: node1 has red', 'ip netns add red', 'ip netns add red'])
  })

  onNodes('an answer is graded on the live nodes', async lab => {
    await started(provider, lab)
    await lab.run('solve')
    const inode = (await lab.run('exec', 'node1', '--', 'stat', '-Lc', '%i', '/run/netns/red')).stdout.trim()
    expect((await lab.run('answer', 'inode', inode)).code).toBe(0)
    expect((await lab.run('answer', 'inode', '12')).code).toBe(1)
    expect(await lab.run('answer', 'inoed', '12')).toMatchObject({ code: 2, stderr: expect.stringMatching(/nearest is `inode`/) as string })
  })

  onNodes('what a node prints cannot command the terminal, and a flood of it is cut', async lab => {
    await started(provider, lab)
    await lab.run('exec', 'node2', '--', 'sh', '-c', 'printf "\\033]0;owned\\007\\033[2Jblue" >/etc/rooms; ip netns add red')
    const flood = await lab.run('exec', 'node1', '--', 'sh', '-c', 'yes | head -c 30000000')
    expect(flood.stdout.length).toBe(30_000_000)
    const { stdout } = await lab.run('check')
    expect(stdout).not.toMatch(/\x1b/)
  })

  onNodes('a node whose root removed everything is could-not-look, exit status 3, and reset brings it back', async lab => {
    await started(provider, lab)
    await lab.run('exec', 'node1', '--', 'rm', '-rf', '--no-preserve-root', '/')
    const check = await lab.run('check', 'first')
    expect(check).toMatchObject({ code: 3, stdout: expect.stringMatching(/^\? node1 has red/m) as string })
    expect((await lab.run('reset')).code).toBe(0)
    expect((await lab.run('check', 'first')).code).toBe(1)
  })

  onNodes('start in a terminal watches: a command typed in a shell turns its claim true, and undone it turns back', async lab => {
    await started(provider, lab)
    const watching = inTerminal(lab, 'watch')
    await watching.shows(/✗ node1 has red[^]*as a page: http:\/\/127\.0\.0\.1:\d+\/\?token=/)
    const shell = inTerminal(lab, 'shell', 'node1')
    await shell.shows(/# $/)
    shell.types('ip netns add red\r')
    await watching.shows(/✓ node1 has red[^]*This step holds/)
    shell.types('ip netns del red\r')
    await watching.shows(/✗ node1 has red[^]*after node1: ip netns del red/)
    watching.types('h')
    await watching.shows(/hint 1 of 3: A question\?/)
    watching.types('s')
    await watching.shows(/node1[^]*# $/)
    watching.types('ip netns add red && exit\r')
    await watching.shows(/✓ node1 has red/)
    watching.types('n')
    await watching.shows(/A second room[^]*✗ node2 has blue/)
    watching.types('c')
    // The watcher goes on with the nodes of a reset, and says why the open shell has ended.
    expect((await lab.run('reset')).code).toBe(0)
    await watching.shows(/✗ node1 has red[^]*the nodes are new/)
    expect(await shell.ended).not.toBeUndefined()
    const anew = inTerminal(lab, 'shell', 'node1')
    await anew.shows(/# $/)
    anew.types('ip netns add red\r')
    await watching.shows(/✓ node1 has red/)
    anew.types('exit\r')
    expect(await anew.ended).toBe(0)
    watching.types('q')
    expect(await watching.ended).toBe(0)
  })
}

test('progress is a text file that survives a stop, and a line that nobody understands', async ({ skip }) => {
  const [embedded] = await providersHere()
  if (embedded?.because !== undefined) skip(embedded.because)
  const lab = labIn({ LAB_COURSE: course(FILES) })
  await started('embedded', lab)
  await lab.run('exec', 'node1', '--', 'ip', 'netns', 'add', 'red')
  await lab.run('check')
  const path = join(lab.home, 'progress')
  expect(readFileSync(path, 'utf8')).toMatch(/^01-rooms first \d{4}-\d\d-\d\d\n$/)
  writeFileSync(path, `# mine\n???\n${readFileSync(path, 'utf8')}`)
  await lab.run('exec', 'node2', '--', 'sh', '-c', 'ip netns add blue; echo blue >/etc/rooms')
  await lab.run('check')
  await lab.run('stop')
  expect(readFileSync(path, 'utf8')).toMatch(/^# mine\n\?\?\?\n01-rooms first .*\n01-rooms second .*\n$/)
  expect(json(await lab.run('list', '--json'))).toMatchObject({ labs: [{ lab: '01-rooms', done: ['first', 'second'] }, { done: [] }] })
})

test('the next lab to start is the first that is not finished', async ({ skip }) => {
  const [embedded] = await providersHere()
  if (embedded?.because !== undefined) skip(embedded.because)
  const lab = labIn({ LAB_COURSE: course(FILES) })
  expect(json(await lab.run('start', '--no-watch', '--json'))).toEqual({ lab: '01-rooms', provider: 'embedded', nodes: ['node1', 'node2'], step: 'first' })
  // What this program did itself, nobody has learnt.
  await lab.run('solve', '--all')
  await lab.run('stop')
  expect(json(await lab.run('start', '--json'))).toMatchObject({ lab: '01-rooms' })
  await lab.run('exec', 'node1', '--', 'ip', 'netns', 'add', 'red')
  await lab.run('exec', 'node2', '--', 'sh', '-c', 'ip netns add blue; echo blue >/etc/rooms')
  await lab.run('check')
  await lab.run('stop')
  expect(json(await lab.run('start', '--json'))).toMatchObject({ lab: '02-others' })
})
