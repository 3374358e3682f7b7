// Lab 07's `aws`, and the machine behind it that plays the VPC.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import lab from '../../labs/07-vpc-native/lab.ts'
import type { Nodes } from '../../runner/core/lab.ts'
import type { Node, Provider } from '../../runner/core/provider.ts'
import { parseTopology } from '../../runner/core/topology.ts'
import { shells } from '../../runner/engine/shell.ts'
import { chosen } from '../helpers/chosen.ts'

const at = (path: string): string => new URL(path, import.meta.url).pathname
const read = (path: string): string => readFileSync(at(path), 'utf8')
const client = at('../../labs/07-vpc-native/files/aws')

interface Said {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Title, `.`, what was asked, `.`, what was printed, `.` */
function recorded(name: string): readonly { readonly asked: string; readonly printed: string }[] {
  const lines = read(name).split('\n')
  const dots = lines.flatMap((line, index) => line === '.' ? [index] : [])
  return dots.flatMap((from, number) => {
    const [middle = 0, to = 0] = dots.slice(number + 1)
    return number % 3 === 0 ? [{ asked: lines.slice(from + 1, middle).join('\n'), printed: lines.slice(middle + 1, to).map(line => `${line}\n`).join('') }] : []
  })
}

/** The command line by itself, on this host. */
function aws(...argv: readonly string[]): Promise<Said> {
  return new Promise(resolve => {
    const child = execFile('perl', [client, ...argv], { env: { PATH: process.env.PATH ?? '' } }, (_, stdout, stderr) => resolve({ exitCode: child.exitCode ?? -1, stdout, stderr }))
  })
}

/** A service that remembers what it was asked, and has one answer to everything. */
async function service(status: number, body: string): Promise<{ readonly url: string; readonly asked: Readonly<Record<string, string>>[] }> {
  const asked: Readonly<Record<string, string>>[] = []
  const server: Server = createServer((request, response) => {
    let text = ''
    request.on('data', piece => { text += String(piece) })
    request.on('end', () => {
      asked.push(Object.fromEntries(new URLSearchParams(text)))
      response.writeHead(status, { 'Content-Length': Buffer.byteLength(body) }).end(body)
    })
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  onTestFinished(() => { server.close() })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked }
}

describe('the command line', () => {
  test('prints what the real one prints, in both formats, for queries as people write them', async () => {
    const { url } = await service(200, read('aws.json'))
    const cases = recorded('aws.txt')
    expect(cases.length).toBeGreaterThan(40)
    for (const { asked, printed } of cases) {
      const [, output = '', query = ''] = /^(\w+) (.*)$/s.exec(asked) ?? []
      const said = await aws('ec2', 'describe-instances', '--endpoint-url', url, '--output', output, '--query', query)
      expect({ asked, ...said }).toEqual({ asked, exitCode: 0, stdout: printed, stderr: '' })
    }
  })

  test('prints an answer as it came, with four blanks, and nothing of an empty one', async () => {
    const whole = await service(200, read('aws.json'))
    expect((await aws('ec2', 'describe-instances', '--endpoint-url', whole.url)).stdout).toBe(`${JSON.stringify(JSON.parse(read('aws.json')), null, 4)}\n`)
    const empty = await service(200, '{}')
    expect(await aws('ec2', 'delete-route', '--route-table-id', 'rtb-1', '--destination-cidr-block', '10.0.0.0/8', '--endpoint-url', empty.url))
      .toEqual({ exitCode: 0, stdout: '', stderr: '' })
  })

  test.each([
    [['create-route', '--route-table-id', 'rtb-22574640', '--destination-cidr-block', '0.0.0.0/0', '--gateway-id', 'igw-c0a643a9'],
      { Action: 'CreateRoute', RouteTableId: 'rtb-22574640', DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'igw-c0a643a9' }],
    [['replace-route', '--route-table-id=rtb-1', '--destination-cidr-block=10.0.0.0/16', '--instance-id=i-1', '--dry-run'],
      { Action: 'ReplaceRoute', RouteTableId: 'rtb-1', DestinationCidrBlock: '10.0.0.0/16', InstanceId: 'i-1', DryRun: 'true' }],
    [['describe-instances', '--instance', 'i-1', '--filters', 'Name=tag:Name'], { Action: 'DescribeInstances', 'InstanceId.1': 'i-1', 'Filter.1.Name': 'tag:Name' }],
    [['modify-instance-attribute', '--no-source-dest-check', '--instance-id', 'i-1'], { Action: 'ModifyInstanceAttribute', InstanceId: 'i-1', 'SourceDestCheck.Value': 'false' }],
    [['modify-instance-attribute', '--instance-id', 'i-1', '--source-dest-check'], { Action: 'ModifyInstanceAttribute', InstanceId: 'i-1', 'SourceDestCheck.Value': 'true' }],
    [['modify-instance-attribute', '--instance-id', 'i-1', '--source-dest-check', '{"Value": true}'], { Action: 'ModifyInstanceAttribute', InstanceId: 'i-1', 'SourceDestCheck.Value': 'true' }],
    [['modify-network-interface-attribute', '--network-interface-id', 'eni-1', '--source-dest-check', 'Value=false'], { Action: 'ModifyNetworkInterfaceAttribute', NetworkInterfaceId: 'eni-1', 'SourceDestCheck.Value': 'false' }],
    [['describe-instances', '--instance-ids', 'i-1', 'i-2', '--filters', 'Name=tag:Name,Values=worker-0,worker-1', 'Name=vpc-id,Values=vpc-1'],
      { Action: 'DescribeInstances', 'InstanceId.1': 'i-1', 'InstanceId.2': 'i-2', 'Filter.1.Name': 'tag:Name', 'Filter.1.Value.1': 'worker-0', 'Filter.1.Value.2': 'worker-1', 'Filter.2.Name': 'vpc-id', 'Filter.2.Value.1': 'vpc-1' }],
  ])('asks for %j as the Query protocol has it', async (argv, form) => {
    const { url, asked } = await service(200, '{"Return": true}')
    expect(await aws('ec2', ...argv, '--endpoint-url', url)).toMatchObject({ exitCode: 0, stderr: '' })
    expect(asked).toEqual([{ Version: '2016-11-15', ...form }])
  })

  test('is used wrongly as the real one is, and says the same', async () => {
    const cases = recorded('aws-wrong.txt')
    expect(cases.length).toBeGreaterThan(15)
    for (const { asked, printed } of cases) {
      expect({ asked, ...await aws(...JSON.parse(asked) as string[]) }).toEqual({ asked, exitCode: 252, stdout: '', stderr: printed })
    }
  })

  test.each([
    [['ec2', 'create-rout'], 252, /argument operation: Found invalid choice 'create-rout'\n\nMaybe you meant:\n\n {2}\* create-route\n\nThis lab's aws has: create-route,/],
    [['s3', 'ls'], 252, /argument command: Found invalid choice 's3'\n\nThis lab's aws has: ec2\n/],
    [['ec2', 'describe-instances', '--output', 'table'], 252, /This lab's aws has: json, text\n/],
    [['ec2', 'describe-instances', '--endpoint-url', 'http://127.0.0.1:1/'], 255, /^\naws: \[ERROR\]: Could not connect to the endpoint URL: "http:\/\/127\.0\.0\.1:1\/"\n$/],
  ])('says what it lacks: %j', async (argv, exitCode, stderr) => {
    expect(await aws(...argv)).toEqual({ exitCode, stdout: '', stderr: expect.stringMatching(stderr) as string })
  })

  test('tells what the service refuses, and ends with 254', async () => {
    const { url } = await service(400, '{"Error": {"Code": "InvalidRouteTableID.NotFound", "Message": "The routeTable ID \'rtb-1\' does not exist"}}')
    expect(await aws('ec2', 'delete-route', '--route-table-id', 'rtb-1', '--destination-cidr-block', '10.0.0.0/8', '--endpoint-url', url)).toEqual({
      exitCode: 254, stdout: '',
      stderr: "\naws: [ERROR]: An error occurred (InvalidRouteTableID.NotFound) when calling the DeleteRoute operation: The routeTable ID 'rtb-1' does not exist\n",
    })
  })

  test('says what it has', async () => {
    for (const argv of [['help'], ['ec2', 'help'], ['ec2', 'create-route', 'help']]) {
      expect(await aws(...argv)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('aws ec2 create-route --route-table-id VALUE [--destination-cidr-block VALUE] ') as string })
    }
  })
})

describe('the VPC', () => {
  let provider: Provider
  let nodes: readonly Node[]
  const name = `aws-${process.pid}`
  const RT = 'rtb-0e5a9d27c6b1f3480'
  const [zero, one, two] = ['i-0d6f1c08e2b7a4520', 'i-0d6f1c08e2b7a4521', 'i-0d6f1c08e2b7a4522']
  const eni = 'eni-04c9b3e85d1a7f621'

  beforeAll(async () => {
    provider = await chosen('embedded')
    await provider.prepare({ say: () => {} })
    await provider.up(name, parseTopology(read('../../fixtures/topologies/vpc-and-workers.yaml'), 'vpc-and-workers.yaml'), { signal: new AbortController().signal, keep: false })
    nodes = await provider.nodes(name)
    await lab.setup?.(shells(nodes) as Nodes<'worker-0' | 'worker-1' | 'worker-2' | 'vpc'>)
  })
  afterAll(() => provider.down(name))

  const on = async (node: string, script: string): Promise<Said> => {
    const { exitCode, stdout, stderr } = await (nodes.find(one => one.name === node) as Node).exec(['bash', '-c', script], { timeoutMs: 60_000 })
    return { exitCode: exitCode ?? -1, stdout, stderr }
  }
  const ec2 = (command: string) => on('worker-0', `aws ec2 ${command}`)
  const route = (verb: string, range: string, rest = '') => ec2(`${verb}-route --route-table-id ${RT} --destination-cidr-block ${range} ${rest}`)
  const kernel = async () => (await on('vpc', 'ip route show proto 200')).stdout
  const described = async () => (await ec2(`describe-route-tables --query 'RouteTables[].Routes[].[DestinationCidrBlock,InstanceId || GatewayId,State]' --output text`)).stdout
  const checks = async () => (await ec2(`describe-instances --query 'Reservations[].Instances[].[Tags[?Key==\`Name\`]|[0].Value,SourceDestCheck]' --output text`)).stdout
  const LOCAL = '10.0.0.0/16\tlocal\tactive\n'

  test('routes are the kernel\'s: made, replaced, described and deleted there', async () => {
    expect(await described()).toBe(LOCAL)
    expect(await route('create', '10.200.1.0/24', `--instance-id ${one}`)).toEqual({ exitCode: 0, stdout: '{\n    "Return": true\n}\n', stderr: '' })
    expect(await kernel()).toBe('10.200.1.0/24 via 10.0.1.21 dev subnet \n')
    expect(await route('replace', '10.200.1.0/24', `--instance-id ${two}`)).toEqual({ exitCode: 0, stdout: '', stderr: '' })
    expect(await kernel()).toBe('10.200.1.0/24 via 10.0.1.22 dev subnet \n')
    // Bits beyond the prefix are left out, as Amazon documents it.
    expect((await route('create', '10.200.0.77/24', '--network-interface-id eni-04c9b3e85d1a7f620')).exitCode).toBe(0)
    expect(await described()).toBe(`${LOCAL}10.200.0.0/24\t${zero}\tactive\n10.200.1.0/24\t${two}\tactive\n`)
    for (const range of ['10.200.0.0/24', '10.200.1.0/24']) expect(await route('delete', range)).toEqual({ exitCode: 0, stdout: '', stderr: '' })
    expect(await kernel()).toBe('')
    expect(await described()).toBe(LOCAL)
  })

  test('nothing is remembered: what the kernel has is what is described', async () => {
    await on('vpc', 'ip route add 10.200.9.0/24 via 10.0.1.21 dev subnet proto 200')
    expect(await described()).toBe(`${LOCAL}10.200.9.0/24\t${one}\tactive\n`)
    await on('vpc', 'ip route del 10.200.9.0/24')
    expect(await described()).toBe(LOCAL)
  })

  test('the answer has what the documentation shows, in its order', async () => {
    await route('create', '0.0.0.0/0', `--instance-id ${one}`)
    const keys = (value: unknown): unknown => Array.isArray(value) ? value.map(keys)
      : typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, keys(inner)])) : typeof value
    const { stdout } = await ec2('describe-route-tables')
    await route('delete', '0.0.0.0/0')
    // https://docs.aws.amazon.com/cli/latest/reference/ec2/describe-route-tables.html, and the service's model
    expect(JSON.stringify(keys(JSON.parse(stdout)))).toBe(JSON.stringify({ RouteTables: [{
      Associations: [{ Main: 'boolean', RouteTableAssociationId: 'string', RouteTableId: 'string', AssociationState: { State: 'string' } }],
      PropagatingVgws: [], RouteTableId: 'string',
      Routes: [
        { DestinationCidrBlock: 'string', GatewayId: 'string', Origin: 'string', State: 'string' },
        { DestinationCidrBlock: 'string', InstanceId: 'string', InstanceOwnerId: 'string', NetworkInterfaceId: 'string', Origin: 'string', State: 'string' },
      ],
      Tags: [], VpcId: 'string', OwnerId: 'string',
    }] }))
  })

  test('the route to an instance that is stopped is a blackhole', async () => {
    await route('create', '10.200.1.0/24', `--instance-id ${one}`)
    await on('vpc', 'ip link set worker-1 down')
    expect(await described()).toBe(`${LOCAL}10.200.1.0/24\t${one}\tblackhole\n`)
    expect((await ec2(`describe-instances --instance-ids ${one} --query 'Reservations[].Instances[].State.Name' --output text`)).stdout).toBe('stopped\n')
    await on('vpc', 'ip link set worker-1 up')
    expect(await described()).toBe(`${LOCAL}10.200.1.0/24\t${one}\tactive\n`)
    await route('delete', '10.200.1.0/24')
  })

  test('the check is two rules of the interface, there or not', async () => {
    const rules = async () => (await on('vpc', `nft list table bridge vpc | grep -c 'check of ${eni}'`)).stdout.trim()
    expect(await checks()).toBe('worker-0\tTrue\nworker-1\tTrue\nworker-2\tTrue\n')
    for (const [command, is, count] of [
      [`modify-instance-attribute --instance-id ${one} --no-source-dest-check`, 'False', '0'],
      [`modify-instance-attribute --instance-id ${one} --no-source-dest-check`, 'False', '0'],
      [`modify-network-interface-attribute --network-interface-id ${eni} --source-dest-check`, 'True', '2'],
      [`modify-instance-attribute --instance-id ${one} --source-dest-check`, 'True', '2'],
    ] as const) {
      expect(await ec2(command)).toEqual({ exitCode: 0, stdout: '', stderr: '' })
      expect(await checks()).toBe(`worker-0\tTrue\nworker-1\t${is}\nworker-2\tTrue\n`)
      expect(await rules()).toBe(count)
      expect((await ec2(`describe-instance-attribute --instance-id ${one} --attribute sourceDestCheck --query SourceDestCheck.Value`)).stdout).toBe(`${is.toLowerCase()}\n`)
    }
  })

  test.each([
    [`create-route --route-table-id rtb-0 --destination-cidr-block 10.9.0.0/16 --instance-id ${zero}`, "(InvalidRouteTableID.NotFound) when calling the CreateRoute operation: The routeTable ID 'rtb-0' does not exist"],
    [`create-route --route-table-id ${RT} --destination-cidr-block 10.9.0.0 --instance-id ${zero}`, '(InvalidParameterValue) when calling the CreateRoute operation: Value (10.9.0.0) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.'],
    [`create-route --route-table-id ${RT} --destination-cidr-block 10.9.0.0/16 --instance-id i-0d6f1c08e2b7a4599`, "(InvalidInstanceID.NotFound) when calling the CreateRoute operation: The instance ID 'i-0d6f1c08e2b7a4599' does not exist"],
    [`create-route --route-table-id ${RT} --destination-cidr-block 10.9.0.0/16 --instance-id worker-0`, '(InvalidInstanceID.Malformed) when calling the CreateRoute operation: Invalid id: "worker-0"'],
    [`create-route --route-table-id ${RT} --destination-cidr-block 10.9.0.0/16 --network-interface-id eni-1`, "(InvalidNetworkInterfaceID.NotFound) when calling the CreateRoute operation: The networkInterface ID 'eni-1' does not exist"],
    [`create-route --route-table-id ${RT} --destination-cidr-block 10.9.0.0/16 --gateway-id igw-1`, "(InvalidGatewayID.NotFound) when calling the CreateRoute operation: The gateway ID 'igw-1' does not exist"],
    [`create-route --route-table-id ${RT} --destination-cidr-block 10.9.0.0/16`, '(MissingParameter) when calling the CreateRoute operation: The request must contain exactly one of'],
    [`create-route --route-table-id ${RT} --destination-cidr-block 10.0.0.0/16 --instance-id ${zero}`, '(RouteAlreadyExists) when calling the CreateRoute operation: The route identified by 10.0.0.0/16 already exists.'],
    [`replace-route --route-table-id ${RT} --destination-cidr-block 10.9.0.0/16 --instance-id ${zero}`, `(InvalidRoute.NotFound) when calling the ReplaceRoute operation: no route with destination-cidr-block 10.9.0.0/16 in route table ${RT}`],
    [`delete-route --route-table-id ${RT} --destination-cidr-block 10.9.0.0/16`, `(InvalidRoute.NotFound) when calling the DeleteRoute operation: no route with destination-cidr-block 10.9.0.0/16 in route table ${RT}`],
    [`delete-route --route-table-id ${RT} --destination-cidr-block 10.0.0.0/16`, `(InvalidParameterValue) when calling the DeleteRoute operation: cannot remove local route 10.0.0.0/16 in route table ${RT}`],
    [`delete-route --route-table-id ${RT} --destination-cidr-block 10.0.0.0/16 --dry-run`, '(DryRunOperation) when calling the DeleteRoute operation: Request would have succeeded, but DryRun flag is set.'],
    ['describe-instances --filters Name=nonsense,Values=x', "(InvalidParameterValue) when calling the DescribeInstances operation: The filter 'nonsense' is invalid"],
    [`describe-instances --instance-ids ${zero} i-0d6f1c08e2b7a4599`, "(InvalidInstanceID.NotFound) when calling the DescribeInstances operation: The instance ID 'i-0d6f1c08e2b7a4599' does not exist"],
    [`modify-instance-attribute --instance-id ${zero}`, '(InvalidParameterCombination) when calling the ModifyInstanceAttribute operation: No attributes specified.'],
  ])('refuses %s', async (command, message) => {
    const said = await ec2(command)
    expect(said).toMatchObject({ exitCode: 254, stdout: '' })
    expect(said.stderr).toContain(`\naws: [ERROR]: An error occurred ${message}`)
    expect(await described()).toBe(LOCAL)
  })

  test('filters choose, and any value of one will do', async () => {
    const names = async (filters: string) => (await ec2(`describe-instances --filters ${filters} --query 'Reservations[].Instances[].Tags[].Value' --output text`)).stdout
    expect(await names('Name=tag:Name,Values=worker-0,worker-2')).toBe('worker-0\tworker-2\n')
    expect(await names("'Name=tag:Name,Values=worker-*' Name=private-ip-address,Values=10.0.1.21")).toBe('worker-1\n')
    expect(await names('Name=source-dest-check,Values=false')).toBe('')
  })

  test('instances talk by MAC address, and the cloud answers ARP: whom it does not know nobody finds', async () => {
    const macs = await Promise.all(['worker-0', 'worker-1'].map(async node => (await on(node, 'cat /sys/class/net/eth0/address')).stdout.trim()))
    const listening = on('worker-1', 'timeout --preserve-status 2 tcpdump -nn -c 1 -i eth0 arp 2>/dev/null')
    // Both end with the first answer, however late a busy machine has it.
    const found = await on('worker-0', 'arping -c 1 -w 20 10.0.1.21; ping -c 1 -w 20 10.0.1.21')
    expect(found.stdout.toLowerCase()).toContain(String(macs[1]))
    expect(found.stdout).toContain('ttl=64')
    expect((await on('worker-0', 'arping -c 1 -w 1 10.200.1.2')).exitCode).toBe(1)
    // worker-1 asks for worker-0 to answer it, and is asked by nobody.
    expect((await listening).stdout).not.toContain('who-has 10.0.1.21')
  })

  test('the router says nothing, whatever it does with a packet', async () => {
    await on('worker-0', 'sysctl -qw net.ipv4.ip_forward=1')
    const said = await on('worker-0', 'ping -c 1 -W 1 10.99.0.1; ping -c 1 -W 1 -t 1 10.200.1.2')
    await on('worker-0', 'sysctl -qw net.ipv4.ip_forward=0')
    expect(said.stdout).not.toMatch(/unreachable|exceeded|Redirect/i)
    expect(said.stdout.match(/100% packet loss/g)).toHaveLength(2)
  })
})
