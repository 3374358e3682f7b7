// What `call --ask NAME` says.

export type OnTheLine =
  | { readonly kind: 'answered'; readonly inode: number }
  | { readonly kind: 'cut'; readonly why: string }
  | { readonly kind: 'silent' | 'nobody' }

export function readOnTheLine(text: string): OnTheLine {
  const said = text.trim()
  if (said === 'silent' || said === 'nobody') return { kind: said }
  const [, inode, why] = /^(?:answered by net:\[(\d+)\]|cut: (.+))$/.exec(said) ?? []
  if (inode !== undefined) return { kind: 'answered', inode: Number(inode) }
  if (why !== undefined) return { kind: 'cut', why }
  throw new Error(`expected who answers, and got ${JSON.stringify(said.slice(0, 80))}`)
}
