import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { newLab } from '../../runner/cli/commands/new.ts'
import { Usage } from '../../runner/core/mistake.ts'
import { listLabs, resolveLab } from '../../runner/engine/course.ts'

/** A course of its own, deleted after the test. */
function course(files: Readonly<Record<string, string>> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'hardway-course-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  return root
}

/** What `lint` says, by Node itself: vitest imports a lab.ts in a way of its own. */
function lint(root: string, ...names: string[]): string {
  const script = `
    const { lint } = await import(${JSON.stringify(new URL('../../runner/cli/commands/lint.ts', import.meta.url).href)})
    const { mistakes, labs } = await lint(process.argv[1], process.argv.slice(2))
    console.log([...mistakes.map(mistake => mistake.message), 'labs: ' + labs].join('\\n'))`
  return execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', script, root, ...names], { encoding: 'utf8' }).trimEnd()
}

const lesson = (title: string) => `---\ntitle: ${title}\nminutes: 20\ntopology: one-node\n---\n## One {#one}\n`
const three = { 'labs/05-static-routes/lesson.md': lesson('Static routes'), 'labs/06-static-arp/lesson.md': lesson('ARP'), 'labs/12-vxlan/lesson.md': 'no front matter', 'labs/notes.md': '' }

describe('The list of labs', () => {
  test('has each folder of labs/ in order, with what its front matter says', () => {
    expect(listLabs(course(three)).map(({ slug, title, minutes }) => [slug, title, minutes])).toEqual([
      ['05-static-routes', 'Static routes', 20],
      ['06-static-arp', 'ARP', 20],
      ['12-vxlan', '12-vxlan', undefined],
    ])
  })

  test('is empty for a course without labs', () => {
    expect(listLabs(course())).toEqual([])
  })
})

describe('A lab is meant', () => {
  test.each([
    ['05-static-routes', '05-static-routes'],
    ['static-routes', '05-static-routes'],
    ['05', '05-static-routes'],
    ['5', '05-static-routes'],
    ['05-st', '05-static-routes'],
    ['static-r', '05-static-routes'],
    ['1', '12-vxlan'],
    ['vx', '12-vxlan'],
  ])('by %j', async (name, slug) => {
    expect((await resolveLab(course(three), name)).slug).toBe(slug)
  })

  test.each([
    ['static', '`static` can be `05-static-routes` or `06-static-arp`'],
    ['0', '`0` can be `05-static-routes` or `06-static-arp`'],
    ['vxlna', 'no lab is called `vxlna`; the nearest is `12-vxlan`. See `npx lab list`.'],
    ['../labs', 'no lab is called `../labs`. See `npx lab list`.'],
    ['', 'no lab is called ``. See `npx lab list`.'],
  ])('not by %j, and the message says what could be', async (name, message) => {
    await expect(resolveLab(course(three), name)).rejects.toThrow(new Usage(message))
  })
})

describe('A new lab', () => {
  test('has the next free number', async () => {
    const root = course(three)
    expect(await newLab(root, 'my-lab')).toEqual([join(root, 'labs/13-my-lab/lesson.md'), join(root, 'labs/13-my-lab/lab.ts')])
    expect(listLabs(root).at(-1)).toMatchObject({ slug: '13-my-lab', title: 'My lab', minutes: 15 })
  })

  test.each([
    ['static-routes', /^labs\/05-static-routes is there already$/],
    ['My Lab', /cannot name a lab/],
    ['07-routes', /cannot name a lab/],
    ['../x', /cannot name a lab/],
    ['', /cannot name a lab/],
  ])('is not made as %j', async (slug, message) => {
    await expect(newLab(course(three), slug)).rejects.toThrow(message)
  })

  test('passes lint', async () => {
    const root = course()
    await newLab(root, 'my-lab')
    expect(lint(root)).toBe('labs: 1')
  })
})

test('Lint says in one line each, with file, line and column, why a lab.ts cannot be imported and what breaks the manners of the course', async () => {
  const root = course()
  await newLab(root, 'good')
  const good = readFileSync(join(root, 'labs/01-good/lab.ts'), 'utf8')
  const edits: readonly (readonly [string, string])[] = [
    ['const room: Check', 'enum A {}\nconst room: Check'],
    ['claim: ', 'claim: ; '],
    ['defineLab, fail', 'defineLab, nope, fail'],
    ["'hardway/lab'", "'./missing.ts'"],
    ['claim: ', 'claim: undefined!.x + '],
    ['room: {', 'rooms: {'],
    ['Which command lists', 'Type ip  netns add red; which command lists'],
    ["'another name'", "'through a batch'"],
    ['hints: [', 'hints: [].slice() || ['],
  ]
  for (const [index, [from, to]] of edits.entries()) {
    const folder = `labs/${String(index + 2).padStart(2, '0')}-bad`
    cpSync(join(root, 'labs/01-good'), join(root, folder), { recursive: true })
    writeFileSync(join(root, folder, 'lab.ts'), good.replace(from, to))
  }
  cpSync(join(root, 'labs/01-good/lesson.md'), join(root, 'labs/20-no-lab/lesson.md'))
  const edit = (slug: string, from: string, to: string) => {
    const path = join(root, 'labs', slug, 'lesson.md')
    cpSync(join(root, 'labs/01-good'), dirname(path), { recursive: true })
    writeFileSync(path, readFileSync(path, 'utf8').replace(from, to))
  }
  edit('22-printed', 'Say what the kernel did', '```sh node1\nip netns add red\n```\n\nSay')
  writeFileSync(join(root, 'labs/22-printed/lab.ts'), good.replace(/ +solution: .*\n/, ''))
  expect(lint(root)).toMatchInlineSnapshot(`
    "labs/02-bad/lab.ts:5:1: lab.ts cannot be imported: TypeScript enum is not supported in strip-only mode; expected TypeScript that Node can run by leaving out the types
    labs/03-bad/lab.ts:6:10: lab.ts cannot be imported: Expression expected; expected TypeScript that Node can run by leaving out the types
    labs/04-bad/lab.ts:2:21: lab.ts cannot be imported: The requested module 'hardway/lab' does not provide an export named 'nope'; expected a name that it exports
    labs/05-bad/lab.ts:2:51: lab.ts cannot be imported: Cannot find module 'labs/05-bad/missing.ts'; expected a module that is there
    labs/06-bad/lab.ts:6:21: lab.ts cannot be imported: Cannot read properties of undefined (reading 'x'); expected a module that does nothing but define the lab
    labs/07-bad/lesson.md:9:1: step \`room\` has no entry in labs/07-bad/lab.ts; expected one under \`steps\`, for example \`'room': { checks: [] }\`
    labs/07-bad/lab.ts:19:5: no step of the lesson has the id \`rooms\`; expected \`room\`
    labs/08-bad/lab.ts:21:7: hint 1 of 3 gives \`ip netns add red\` away; expected that in the last hint at the earliest
    labs/09-bad/lab.ts:31:9: \`through a batch\` is there already, in step \`room\`; expected a name that the lab has once
    labs/10-bad/lab.ts:21:7: step \`room\` has no hint; expected one at least, for example \`hints: ['Ask node1 itself: \`ip route get 10.244.2.2\`.']\`
    labs/20-no-lab/lab.ts:1:1: there is no such file; expected one in each lab, for example \`npx lab new my-lab\`
    labs/22-printed/lesson.md:24:1: the last step prints commands; expected a last step that leaves them to the learner, with its solution in lab.ts
    labs: 12"
  `)
  edit('21-no-topology', 'one-node', 'one-nod')
  expect(lint(root, '21')).toMatch(/^labs\/21-no-topology\/lesson\.md:4:11: no file of fixtures\/topologies is called `one-nod\.yaml`; expected .*\(nearest: `one-node`\)\nlabs: 1$/)
  expect(lint(root, '01', '20')).toMatch(/^labs\/20-no-lab\/lab\.ts:1:1: there is no such file.*\nlabs: 2$/)
})
