import { Unable, Usage } from '../../core/mistake.ts'
import { nearest, quoted } from '../../core/quoted.ts'
import type { Node } from '../../core/provider.ts'
import { Journal } from '../../engine/journal.ts'
import type { Session } from '../../engine/session.ts'
import { home, session } from '../context.ts'
import { remark } from '../print.ts'
import { terminal } from '../terminal.ts'

export async function shell(place: string): Promise<number> {
  if (!process.stdin.isTTY) throw new Usage('`lab shell` needs a terminal; for one command there is `lab exec PLACE -- ARGV`')
  return shellIn(await session(), place)
}

/** A shell whose every command is written to the journal, so that whoever watches judges then. */
export async function shellIn({ provider, loaded }: Session, place: string): Promise<number> {
  const node = findNode(await provider.nodes(loaded.slug), place)
  const journal = new Journal(home, loaded.slug)
  const opened = Date.now()
  const code = await terminal(node, shellArgv(node, place), ({ exitCode, text }) => journal.write({ kind: 'command', place, text, exitCode }))
  if (journal.events().some(event => event.kind === 'started' && event.at > opened)) remark('the nodes are new: open the shell again')
  return code
}

/** A shell in a place, whose prompt tells what has been typed. */
export function shellArgv(node: Node, place: string): readonly string[] {
  return ['env', `HARDWAY_PLACE=${place}`, 'sh', '-c', 'cd; exec "$@"', 'sh', ...inNamespace(node, place), '/bin/bash', '--rcfile', '/etc/hardway/bashrc', '-i']
}

export function findNode(nodes: readonly Node[], place: string): Node {
  const names = nodes.map(node => node.name).filter(name => name !== 'fabric')
  const name = place.split('/')[0] ?? ''
  const found = nodes.find(node => node.name === name && name !== 'fabric')
  if (found !== undefined) return found
  if (names.length === 0) throw new Unable('the lab has no node that is alive: `npx lab reset`')
  const near = nearest(name, names)
  throw new Usage(`there is no node ${quoted(name)}${near === undefined ? '' : `; the nearest is ${quoted(near)}`}. There are ${names.join(', ')}.`)
}

export function inNamespace(node: Node, place: string): readonly string[] {
  const namespace = place.slice(node.name.length + 1)
  return namespace === '' ? [] : ['ip', 'netns', 'exec', namespace]
}
