import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { as, curlSays, lastWords, PKI, SERVER } from './api.ts'
import { inTime, type SocketAddress } from './in-time.ts'

const ETCD: SocketAddress = ['127.0.0.1', 2379]
const URL = `https://${ETCD.join(':')}/readyz`

/** `etcd on server is ready, and answers nobody without a certificate of the authority`. */
export function etcdGuarded(): Check {
  return {
    claim: `etcd on ${SERVER} is ready, and answers nobody without a certificate of the authority`,
    look: async bench => {
      const place = bench.place(SERVER)
      const [known, stranger, plain] = await Promise.all([
        place.exec(['curl', '-sSf', '--max-time', '5', ...as('kube-apiserver'), URL]),
        place.exec(['curl', '-sSf', '--max-time', '5', '--cacert', `${PKI}/ca.crt`, URL]),
        place.exec(['curl', '-sSf', '--max-time', '5', URL.replace('https', 'http')]),
      ])
      // A stranger who was kept waiting has not been turned away, either.
      for (const one of [known, stranger, plain]) await inTime(place, one, ETCD)
      if (known.exitCode === 0) {
        return stranger.exitCode === 0 || plain.exitCode === 0 ? fail('whoever asks is answered, without any certificate: everything of the cluster is open to every program on this machine', known, stranger, plain)
          : pass(known, stranger, plain)
      }
      if (plain.exitCode === 0) return fail('etcd speaks plain HTTP: whoever asks is answered', known, plain)
      const log = await lastWords(bench, SERVER, 'etcd')
      return fail(`it does not answer whoever has kube-apiserver.crt: ${curlSays(known)}${log.words === '' ? '' : `; its log ends with: ${log.words}`}`, known, log.evidence)
    },
  }
}
