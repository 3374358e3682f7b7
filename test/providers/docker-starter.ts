// Starts a lab that is to end with this process: docker-starter.ts HOME CACHE LAB. Says "up" and waits.
import { docker } from '../../runner/providers/docker/index.ts'
import { threeNodes } from './three-nodes.ts'

const [home = '', cache = '', lab = ''] = process.argv.slice(2)
await docker({ home, cache }).up(lab, threeNodes, { keep: false, signal: new AbortController().signal })
process.stdout.write('up\n')
setInterval(() => {}, 1000)
