// A lesson.md and a lab.ts in one text, with a line `~~~ lab.ts` between them.
import { disagreements } from '../../runner/core/agree.ts'
import { parseLesson } from '../../runner/core/lesson.ts'
import type { Topology } from '../../runner/core/topology.ts'

const oneNode: Topology = {
  nodes: [{ name: 'node1', interfaces: [{ name: 'eth0', segment: 'fab', address: '192.168.1.11/24' }], diskMiB: 64 }],
  segments: [{ name: 'fab', mtu: 1500 }],
}

/** What the two disagree in, a line for each. */
export async function mistakesOfPair(text: string): Promise<string> {
  const [lesson = '', lab = ''] = text.split('~~~ lab.ts\n')
  const module: { default?: unknown } = await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(lab)}`)
  const parsed = parseLesson(lesson, 'lesson.md')
  const mistakes = disagreements(parsed, module.default, 'inline' in parsed.topology ? parsed.topology.inline : oneNode, { file: 'lab.ts', text: lab }, ['vxlan', 'wireguard'])
  return mistakes.map(mistake => mistake.message).join('\n') || 'no mistake'
}
