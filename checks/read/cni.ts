// Reads what the Container Network Interface passes around: network configurations, results and errors.
// https://github.com/containernetworking/cni/blob/main/SPEC.md, version 1.1.0. IPv4.
import { parseAddress, parseCidr } from '../../runner/core/ipv4.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

export interface Network {
  readonly name: string
  readonly cniVersion: string
  readonly disableCheck: boolean
  readonly plugins: readonly Plugin[]
}

export interface Plugin {
  readonly type: string
  /** As it stands in the configuration. */
  readonly config: JsonObject
}

export interface Interface {
  readonly name: string
  readonly mac: string | undefined
  /** Undefined for one of the node's. */
  readonly sandbox: string | undefined
}

export interface Result {
  readonly interfaces: readonly Interface[]
  readonly ips: readonly { readonly address: string; readonly prefix: number; readonly gateway: string | undefined; readonly interface: number | undefined }[]
  /** As it came. */
  readonly json: JsonObject
}

export interface CniError {
  readonly code: number
  readonly msg: string
}

/** Thrown by all readers: the message is half a sentence that follows who said it. */
export class NotCni extends Error {}

/** A `.conflist`, or a `.conf` of one plugin. */
export function readNetwork(text: string): Network {
  const all = objectOf(text)
  const name = textIn(all, 'name')
  if (!/^[A-Za-z0-9][\w.-]*$/.test(name)) throw new NotCni(`has the name ${JSON.stringify(name)}: letters, digits, \`_\`, \`.\` and \`-\` are allowed`)
  const cniVersion = textIn(all, 'cniVersion')
  if (!VERSION.test(cniVersion)) throw new NotCni(`has the cniVersion ${JSON.stringify(cniVersion)}: expected for example "1.1.0"`)
  const plugins = 'plugins' in all ? all['plugins'] : [all]
  if (!Array.isArray(plugins) || plugins.length === 0) throw new NotCni('has no list `plugins` with a plugin in it')
  return {
    name, cniVersion, disableCheck: all['disableCheck'] === true,
    plugins: plugins.map((plugin: Json) => {
      if (!isObject(plugin)) throw new NotCni('has something in `plugins` that is no object')
      const type = textIn(plugin, 'type')
      if (type.includes('/')) throw new NotCni(`has the type ${JSON.stringify(type)}: expected the name of a file, without a path`)
      return { type, config: plugin }
    }),
  }
}

const VERSION = /^\d+\.\d+\.\d+$/

/** The versions that a plugin says it speaks. */
export function readVersions(stdout: string): readonly string[] {
  const all = objectOf(stdout)
  if (!VERSION.test(textIn(all, 'cniVersion'))) throw new NotCni('has a cniVersion that is none')
  const versions = all['supportedVersions']
  if (!Array.isArray(versions) || versions.length === 0) throw new NotCni('has no list `supportedVersions`')
  return versions.map((version: Json) => {
    if (typeof version !== 'string' || !VERSION.test(version)) throw new NotCni(`has ${JSON.stringify(version)} among its supportedVersions`)
    return version
  })
}

/** What ADD prints. */
export function readResult(stdout: string, cniVersion: string): Result {
  const json = objectOf(stdout)
  if (textIn(json, 'cniVersion') !== cniVersion) throw new NotCni(`has the cniVersion ${JSON.stringify(json['cniVersion'])}, and was asked in ${cniVersion}`)
  const interfaces = listIn(json, 'interfaces').map((one): Interface => {
    const [mac, sandbox] = [one['mac'], one['sandbox']]
    if (mac !== undefined && (typeof mac !== 'string' || !/^([0-9a-f]{2}(:[0-9a-f]{2}){5})?$/i.test(mac))) throw new NotCni(`has the mac ${JSON.stringify(mac)}`)
    if (sandbox !== undefined && typeof sandbox !== 'string') throw new NotCni(`has the sandbox ${JSON.stringify(sandbox)}`)
    return { name: textIn(one, 'name'), mac: mac === '' ? undefined : mac?.toLowerCase(), sandbox: sandbox === '' ? undefined : sandbox }
  })
  const ips = listIn(json, 'ips').map(one => {
    const text = textIn(one, 'address')
    const cidr = parseCidr(text)
    if (cidr === undefined) throw new NotCni(`has the address ${JSON.stringify(text)}: expected one with its prefix length, 10.0.0.5/24`)
    const [gateway, index] = [one['gateway'], one['interface']]
    if (gateway !== undefined && (typeof gateway !== 'string' || parseAddress(gateway) === undefined)) throw new NotCni(`has the gateway ${JSON.stringify(gateway)}`)
    if (index !== undefined && (typeof index !== 'number' || interfaces[index] === undefined)) throw new NotCni(`has an address for interface ${JSON.stringify(index)}, and ${interfaces.length} interfaces, the first of which is 0`)
    return { address: text.split('/')[0] ?? '', prefix: cidr.prefix, gateway, interface: index }
  })
  return { interfaces, ips, json }
}

export function readError(stdout: string): CniError {
  const all = objectOf(stdout)
  const code = all['code']
  if (code === undefined) throw new NotCni('has no `code`')
  if (typeof code !== 'number' || !Number.isInteger(code) || code < 1) throw new NotCni(`has the code ${JSON.stringify(code)}: expected a number from 1`)
  return { code, msg: textIn(all, 'msg') }
}

function objectOf(text: string): JsonObject {
  if (text.trim() === '') throw new NotCni('is empty')
  let json: Json
  try {
    json = JSON.parse(text, finite) as Json
  } catch (error) {
    throw new NotCni(`is no JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (!isObject(json)) throw new NotCni('is no JSON object')
  return json
}

/** 1e999 is good JSON, and no number that could be passed on. */
function finite(_: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error('a number is too large')
  return value
}

function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

function textIn(object: JsonObject, key: string): string {
  const value = object[key]
  if (typeof value !== 'string' || value === '') throw new NotCni(value === undefined ? `has no \`${key}\`` : `has the ${key} ${JSON.stringify(value)}`)
  return value
}

function listIn(object: JsonObject, key: string): readonly JsonObject[] {
  const value = object[key]
  if (value === undefined) return []
  if (!Array.isArray(value)) throw new NotCni(`has a \`${key}\` that is no list`)
  return value.map((one: Json) => {
    if (!isObject(one)) throw new NotCni(`has something in \`${key}\` that is no object`)
    return one
  })
}
