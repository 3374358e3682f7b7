// A new lab that is already whole: it passes `lab lint` and `lab verify`.
import { mkdir, writeFile } from 'node:fs/promises'
import { readdirSync, existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { Usage } from '../../core/mistake.ts'
import { quoted } from '../../core/quoted.ts'
import { json, remark, result } from '../print.ts'
import { courseRoot } from '../../engine/course.ts'

export async function newCommand(slug: string, options: { readonly json?: true }): Promise<number> {
  const root = courseRoot()
  const files = (await newLab(root, slug)).map(path => relative(root, path))
  if (options.json) json({ files })
  else for (const file of files) result(file)
  const lab = files[0]?.split('/')[1] ?? slug
  remark(`write it; then \`npx lab lint ${lab}\`, \`npx lab start ${lab}\` and \`npx lab verify ${lab}\``)
  return 0
}

/** Makes labs/NN-slug, and says which files it wrote. */
export async function newLab(root: string = courseRoot(), slug: string): Promise<string[]> {
  if (!/^[a-z]+[a-z0-9]*(-[a-z0-9]+)*$/.test(slug)) {
    throw new Usage(`${quoted(slug)} cannot name a lab; expected words of a-z and 0-9 joined by -, without a number in front, for example \`static-routes\``)
  }
  const labs = join(root, 'labs')
  const folders = (existsSync(labs) ? readdirSync(labs) : []).filter(name => /^\d\d-/.test(name))
  const taken = folders.find(name => name.slice(3) === slug)
  if (taken !== undefined) throw new Usage(`labs/${taken} is there already`)
  const number = Math.max(0, ...folders.map(name => Number(name.slice(0, 2)))) + 1
  if (number > 99) throw new Usage('there is no number left below 100')
  const dir = join(labs, `${String(number).padStart(2, '0')}-${slug}`)
  const words = slug.replaceAll('-', ' ')
  const title = `${words.charAt(0).toUpperCase()}${words.slice(1)}`
  const files: readonly (readonly [string, string])[] = [
    [join(dir, 'lesson.md'), lessonTemplate.replaceAll('TITLE', title)],
    [join(dir, 'lab.ts'), labTemplate.replaceAll('TITLE', title).replaceAll('NN', String(number).padStart(2, '0'))],
  ]
  await mkdir(dir, { recursive: true })
  // wx: an author's file is never written over, whoever made it meanwhile.
  for (const [path, text] of files) await writeFile(path, text, { flag: 'wx' })
  return files.map(([path]) => path)
}

const lessonTemplate = `---
title: TITLE
minutes: 15
topology: one-node
requires: []
---
Open with a question that a working engineer has, and say what the reader will be able to answer.

## Make a room {#room}

Say why, and let the reader predict what happens. This step prints no commands: the learner finds
them, with the hints. A printed one is a fence \`sh node1\`, and then the step needs no \`solution\`.

On node1, make a network namespace called \`red\`. Then look at what is in it:

\`\`\`sh node1/red look
ip link
\`\`\`

\`\`\`text
1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN mode DEFAULT group default qlen 1000
\`\`\`

Say what the kernel did, and why.

## What real plugins do {.reading}

Name the plugin that does the same, and link to where it does.
`

const labTemplate = `// NN · TITLE: what the reader will know, in one sentence.
import { defineLab, fail, pass, type Check } from 'hardway/lab'

/** A check of this lab only. The course's own are in "hardway/checks". */
const room: Check = {
  claim: 'node1 has a network namespace called red',
  look: async bench => {
    const namespaces = await bench.namespaces('node1')
    const [own] = namespaces
    // A node always has its own.
    if (own === undefined) throw new Error('node1 shows no network namespace')
    const red = namespaces.find(namespace => namespace.named === 'red')
    return red ? pass(red.evidence) : fail('no network namespace of node1 has the name red', own.evidence)
  },
}

export default defineLab<'node1'>({
  steps: {
    room: {
      checks: [room],
      hints: [
        'Which command lists the network namespaces that have a name?',
        '\`ip netns help\` shows what else it can do.',
        'Type on node1: \`ip netns add red\`',
      ],
      solution: ({ node1 }) => node1\`ip netns add red\`,
      alternatives: {
        'through a batch': ({ node1 }) => node1\`echo 'netns add red' | ip -batch -\`,
      },
      mutants: {
        'another name': { refusedBy: room.claim, instead: ({ node1 }) => node1\`ip netns add blue\` },
        'deleted again': { refusedBy: room.claim, after: ({ node1 }) => node1\`ip netns delete red\` },
      },
    },
  },
})
`
