import { createPublicKey } from 'node:crypto'
import type { Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { PKI, SERVER } from './api.ts'
import { certificateOf } from './certificates.ts'
import { readFiles } from './read/files.ts'
import { readFrom } from './tool.ts'

/** Which key a file has, its public half says. */
const SHOWN = 'cd "$1" 2>/dev/null || exit 0; for file in *.key *.pem; do [ -f "$file" ] || continue; echo "==> $file <=="; openssl pkey -in "$file" -pubout 2>/dev/null; done; exit 0'

/** `node-0 and node-1 have the keys of their own certificates, and no other`: who has the authority's can be anybody. By node, the names of its files. */
export function keysStay(certificates: Readonly<Record<string, readonly string[]>>): Check {
  return {
    claim: `${list(Object.keys(certificates))} have the keys of their own certificates, and nobody else's`,
    look: async bench => {
      const evidence: Evidence[] = []
      const authority = await certificateOf(bench, SERVER, 'ca')
      for (const [node, names] of Object.entries(certificates)) {
        const own = new Map<string, string>()
        for (const name of names) {
          const found = await certificateOf(bench, node, name)
          if ('because' in found) return fail(found.because, ...found.evidence)
          own.set(name, spki(found.certificate.publicKey))
        }
        const shown = await bench.place(node).exec(['sh', '-c', SHOWN, 'sh', PKI])
        evidence.push(shown)
        const keys = new Map([...readFrom(shown, readFiles)].map(([file, text]) => [file, keyOf(text)]))
        for (const [file, key] of keys) {
          if (key === undefined) throw new CouldNotLook(`${PKI}/${file} of ${node} is no key that openssl can read`, shown)
          if ([...own.values()].includes(key)) continue
          const whose = !('because' in authority) && key === spki(authority.certificate.publicKey) ? 'the key of the authority: who is there can sign whatever they like, an administrator too' : 'a key that is of none of its own certificates'
          return fail(`${node} has in ${PKI}/${file} ${whose}`, shown)
        }
        const without = [...own].find(([, key]) => ![...keys.values()].includes(key))
        if (without !== undefined) return fail(`${node} has ${without[0]}.crt, and no key that belongs to it`, shown)
      }
      const [first, ...rest] = evidence
      if (first === undefined) throw new Error('expected a node')
      return pass(first, ...rest)
    },
  }
}

function keyOf(pem: string): string | undefined {
  try {
    return spki(createPublicKey(pem))
  } catch {
    return undefined
  }
}

function spki(key: ReturnType<typeof createPublicKey>): string {
  return key.export({ type: 'spki', format: 'der' }).toString('base64')
}
