import type { Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { story, type Story, type Turnover } from './cni-story.ts'

/** `on a full node1, as many pods can join as have left: their addresses are free again, and no others`. */
export function cniGivesBack(node: string): Check {
  return {
    claim: `on a full ${node}, as many pods can join as have left: their addresses are free again, and no others`,
    look: async bench => {
      const told = await story(bench, node, 'left')
      if ('because' in told) return fail(told.because, ...told.evidence)
      return told.left === undefined ? notFull(told) : judged(told.left, 'left', told)
    },
  }
}

/** `GC on node1 frees the addresses of pods that are not on its list, and no others`. */
export function cniCollects(node: string): Check {
  return {
    claim: `GC on ${node} frees the addresses of pods that are not on its list, and no others`,
    look: async bench => {
      const told = await story(bench, node, 'collected')
      if ('because' in told) return fail(told.because, ...told.evidence)
      if (told.collected !== undefined) return judged(told.collected, 'vanished', told)
      return told.left?.refusal === undefined ? notFull(told) : fail(`pods cannot even leave: ${told.left.refusal.because}`, ...told.left.refusal.evidence)
    },
  }
}

function notFull({ evidence }: Story): Verdict {
  return fail('it could not be filled to the last address, and so nobody knows what is free', ...evidence)
}

function judged({ gone, refusal, again, stayed }: Turnover, how: string, { evidence }: Story): Verdict {
  if (refusal !== undefined) return fail(refusal.because, ...refusal.evidence)
  const who = list(gone.map(({ address }) => address))
  const taken = again.find(({ address }) => stayed.some(one => one.address === address))
  if (taken !== undefined) return fail(`the pods with ${who} ${how}, and then a new one gets ${taken.address}, whose pod is still there`, ...evidence)
  const twice = again.find(({ address }, index) => again.findIndex(one => one.address === address) !== index)
  if (twice !== undefined) return fail(`two new pods get ${twice.address}`, ...evidence)
  if (again.length < gone.length) return fail(`the pods with ${who} ${how}, and ${again.length === 0 ? 'nobody' : `only ${again.length} of ${gone.length}`} could join after that: addresses are lost`, ...evidence)
  if (again.length > gone.length) return fail(`${gone.length} pods ${how}, and ${again.length} could join after that`, ...evidence)
  return pass(...evidence)
}
