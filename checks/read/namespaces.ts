// Reads what /usr/local/lib/hardway/namespaces prints.
import type { Link } from '../../runner/core/bench.ts'
import { readLinks } from './links.ts'

export interface FoundNamespace {
  readonly inode: number
  readonly named: string | undefined
  /** Where nsenter finds it. */
  readonly path: string
  readonly links: readonly Link[]
  /** Its links and addresses as JSON, in the words of `ip -j -d addr`. */
  readonly printed: string
}

export function readNamespaces(text: string): readonly FoundNamespace[] {
  return text.split(/^namespace /m).slice(1).map(part => {
    const end = part.indexOf('\n')
    const [inode = '', named = '-', path = ''] = part.slice(0, end).split(' ')
    if (!/^\d+$/.test(inode)) throw new Error(`expected the number of a namespace, and got ${JSON.stringify(inode.slice(0, 80))}`)
    const printed = part.slice(end + 1)
    return { inode: Number(inode), named: named === '-' ? undefined : named, path, links: readLinks(printed), printed }
  })
}
