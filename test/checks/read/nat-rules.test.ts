import { expect, test } from 'vitest'
import { readSourceRules } from '../../../checks/read/nat-rules.ts'

const between = { from: '10.244.1.2', to: '10.244.2.2' }
const out = { from: '10.244.1.2', to: '192.168.1.200' }

const met = [
  ['masquerade', between],
  ['oifname "eth0" counter masquerade', between],
  ['ip saddr 10.244.1.0/24 masquerade', between],
  ['ip saddr 10.244.1.2 snat to 192.168.1.99', between],
  ['ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade', out],
  ['ip saddr 10.244.0.0/16 ip daddr != { 10.244.0.0/16, 10.50.0.0/16 } masquerade fully-random', out],
  ['ip saddr @pods ip daddr != @pods masquerade', between],
  ['ip daddr 10.244.2.1-10.244.2.9 masquerade', between],
  ['oifname "eth0" ip saddr 10.244.1.2 ip daddr 10.244.0.0/16 ip saddr set 192.168.1.11', between],
  ['-A POSTROUTING -s 10.244.1.0/24 -j MASQUERADE', between],
  ['-A POSTROUTING ! -s 10.50.0.0/16 -d 10.244.2.2/32 -j SNAT --to-source 192.168.1.11', between],
  ['-A POSTROUTING -m set ! --match-set pools dst -j MASQUERADE', between],
] as const

test.each(met)('%s may have changed it', (rule, packet) => {
  expect(readSourceRules(`table ip nat {\n\t\t${rule}\n}\n`, packet)).toEqual([rule])
})

const others = [
  ['ip saddr 10.244.2.0/24 masquerade', between],
  ['ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade', between],
  ['ip daddr != { 10.244.0.0/16, 10.50.0.0/16 } masquerade', between],
  ['ip daddr != { 10.244.0.0/16, 192.168.1.11-192.168.1.13, 192.168.1.200 } masquerade', out],
  ['ip saddr { 10.244.1.3, 10.244.3.2 } masquerade', between],
  ['ip daddr 10.244.0.0/16 return', between],
  ['ip daddr 10.96.0.42 dnat to 10.244.2.2', between],
  ['-A POSTROUTING -s 10.244.0.0/16 ! -d 10.244.0.0/16 -j MASQUERADE', between],
  ['-A POSTROUTING -s 10.244.3.0/24 -j MASQUERADE', out],
  ['-A POSTROUTING -d 10.244.0.0/16 -j RETURN', between],
] as const

test.each(others)('%s has not', (rule, packet) => {
  expect(readSourceRules(rule, packet)).toEqual([])
})
