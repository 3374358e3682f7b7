import type { Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { runtimeOf } from './cri.ts'
import { unable } from './tool.ts'

/** `containerd on node1 finds every plugin that a pod's network needs, and each answers`: where it looks, asked for their versions. */
export function runtimePlugins(node: string): Check {
  return {
    claim: `containerd on ${node} finds every plugin that a pod's network needs, and each answers`,
    look: async bench => {
      const asked = await runtimeOf(bench, node)
      if ('because' in asked) return fail(asked.because, ...asked.evidence)
      const { runtime: { networks, pluginDirs }, evidence } = asked
      if (networks.every(({ ifname }) => ifname === 'lo')) return fail(`containerd on ${node} has no network for pods: none of its configurations is in force`, evidence)
      const types = [...new Set(networks.flatMap(({ plugins }) => plugins.flatMap(({ type, ipam }) => [type, ...ipam === undefined ? [] : [ipam.type]])))]
      const tried = await bench.place(node).exec(['sh', '-c', TRY, 'sh', pluginDirs.join(' '), ...types])
      if (tried.exitCode !== 0) throw unable(tried)
      const said = new Map(tried.stdout.split('\n').filter(Boolean).map(line => [line.split(' ')[0] ?? '', line.split(' ').slice(1).join(' ')] as const))
      const missing = types.filter(type => said.get(type) === 'missing')
      if (missing.length > 0) return fail(`containerd on ${node} looks in ${list(pluginDirs)}, and does not find ${list(missing)} there`, evidence, tried)
      const mute = types.find(type => said.get(type) !== 'answers')
      return mute === undefined ? pass(evidence, tried) : fail(`${mute} of ${node} ${said.get(mute)?.startsWith('cannot') ? `cannot be run: ${said.get(mute)?.slice('cannot '.length) ?? ''} is no program that may be executed` : 'does not answer when it is asked for its version'}`, evidence, tried)
    },
  }
}

// As a runtime does: the first folder that has a file of the name.
const TRY = `folders=$1
shift
for type in "$@"; do
  found=
  for folder in $folders; do [ -f "$folder/$type" ] && found=$folder/$type && break; done
  if [ -z "$found" ]; then echo "$type missing"
  elif [ ! -x "$found" ]; then echo "$type cannot $found"
  elif echo '{"cniVersion":"1.0.0"}' | CNI_COMMAND=VERSION timeout 5 "$found" 2>/dev/null | grep -q supportedVersions; then echo "$type answers"
  else echo "$type silent"
  fi
done`
