// Certificates that lie in the nodes, as X.509 has them. Keys are never read.
import { X509Certificate } from 'node:crypto'
import type { Bench } from '../runner/core/bench.ts'
import type { Evidence } from '../runner/core/verdict.ts'
import { PKI } from './api.ts'
import type { Missing } from './ends.ts'
import { onceALook } from './once.ts'
import { readFiles } from './read/files.ts'
import { readFrom } from './tool.ts'

export interface Found {
  readonly certificate: X509Certificate
  readonly evidence: Evidence
}

const once = onceALook<{ readonly files: ReadonlyMap<string, string>; readonly evidence: Evidence }>()

/** `NAME.crt` of a node; or why it can't be read. */
export async function certificateOf(bench: Bench, node: string, name: string): Promise<Found | Missing> {
  const { files, evidence } = await once(bench, node, async () => {
    // GNU tail writes each file's name above it.
    const all = await bench.place(node).exec(['sh', '-c', 'cd "$1" 2>/dev/null && exec tail -v -n +1 -- *.crt 2>/dev/null || true', 'sh', PKI])
    return { files: readFrom(all, readFiles), evidence: all }
  })
  const text = files.get(`${name}.crt`)
  if (text === undefined) return { because: `${node} has no ${PKI}/${name}.crt`, evidence: [evidence] }
  try {
    return { certificate: new X509Certificate(text), evidence }
  } catch {
    return { because: `${PKI}/${name}.crt of ${node} is no certificate`, evidence: [evidence] }
  }
}

/** `O=system:nodes, CN=system:node:node-0` */
export function subjectOf(certificate: X509Certificate): string {
  return certificate.subject.replaceAll('\n', ', ')
}
