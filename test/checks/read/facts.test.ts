// What wg of wireguard-tools 1.0.20210914 prints for a mesh of three.
import { expect, test } from 'vitest'
import { readFacts } from '../../../checks/read/facts.ts'

const [one, other] = ['YMWEzjNa6L9YrgQ+QYzbw6mfdgDp1VJIXMUfSDZWpWA=', 'zFYgcfae5WrGsYOyNcEhI/A9P174WSVDV+Y+x4YB4nQ=']
const facts = (endpoints: string) => readFacts(`== route\n[]\n== neigh\n[]\n== fdb\n[]\n== get wireguard\nwg1\t${one}\t10.244.1.0/24\nwg1\t${other}\t10.244.2.0/24 10.244.9.0/24\n--\n${endpoints}`).peers

test('where each peer is, though its interface is named on the first line only', () => {
  expect(facts(`wg1\t${one}\t192.168.1.11:51820\n${other}\t192.168.2.12:51820\n`)).toEqual([
    { device: 'wg1', ranges: ['10.244.1.0/24'], endpoint: '192.168.1.11:51820' }, { device: 'wg1', ranges: ['10.244.2.0/24', '10.244.9.0/24'], endpoint: '192.168.2.12:51820' }])
})

test('a peer without a place is told from one of which nothing was said', () => {
  expect(facts(`wg1\t${one}\t(none)\n`).map(({ endpoint }) => endpoint)).toEqual(['none', undefined])
})
