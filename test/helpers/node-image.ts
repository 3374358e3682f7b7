// The image of a kind node, made of the components in the cache and of Debian's packages, with the files that kind itself has
// for it. Who is online has no need of this: kind pulls its own.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGzip } from 'node:zlib'
import { components, SOURCES, thisArch } from '../../fixtures/kubernetes/components.ts'
import { componentsFolder, fetched, folderName } from '../../runner/components/cache.ts'
import type { ComponentName } from '../../runner/core/components.ts'
import { fetchTools, makeRootfs, rootfs } from '../../runner/providers/embedded/rootfs.ts'
import { here } from './nodes.ts'

export const MADE_OF: readonly ComponentName[] = [
  'kind', 'kubeadm', 'kubelet', 'kubectl', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'etcd', 'coredns',
  'containerd', 'crictl', 'cni-plugins',
]

/** kind's own list, less what mounts network disks; and runc, which kind builds. */
const PACKAGES = [
  'systemd', 'conntrack', 'iptables', 'nftables', 'iproute2', 'ethtool', 'util-linux', 'mount', 'kmod', 'libseccomp2', 'pigz', 'e2fsprogs', 'bash',
  'ca-certificates', 'curl', 'jq', 'procps', 'runc',
]
const BASE = 'hardway-kind-base:test'
const BUILT = 'hardway-kind-built:test'
const IMAGE = 'hardway-kind-node:test'
/** The plugins that kind's image has. */
const PLUGINS = ['host-local', 'loopback', 'portmap', 'ptp']

/** Why it cannot be made. */
export function noNodeImage(cache: string): string | undefined {
  for (const tool of ['go', 'apt-get', 'dpkg-deb', 'unshare', 'ldd']) if (here('command -v "$1"', tool).exitCode !== 0) return `there is no ${tool}`
  const missing = MADE_OF.filter(name => !fetched(cache).includes(name))
  return missing.length === 0 ? undefined : `${missing.join(', ')} not fetched: npx lab fetch ${missing.join(' ')}`
}

/** Its name. What is made on the way is in the folder, and in the engine. */
export async function makeNodeImage(host: string, cache: string, folder: string): Promise<string> {
  const work = join(folder, 'image')
  await mkdir(work)
  await makeRootfs(cache, { say: () => {} })
  const program = (name: ComponentName, file: string = name): string => join(componentsFolder(cache), folderName(name), file)
  const source = await kindSource()
  const env = { ...process.env, DOCKER_HOST: host, PATH: `${join(componentsFolder(cache), folderName('kind'))}:${process.env['PATH'] ?? ''}` }
  const [kubernetes] = await Promise.all([
    makeServerArchive(program, join(rootfs(cache), 'usr/bin/catatonit'), source, work),
    makeBase(program, source, work).then(tar => run('docker', ['import', '--change', 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]', '--change', 'ENV container=docker', tar, BASE], { env })),
  ])
  // kind leaves what it unpacks in the folder for temporary files.
  await run('kind', ['build', 'node-image', '--type', 'file', '--base-image', BASE, '--image', BUILT, kubernetes], { env: { ...env, TMPDIR: work } })
  // The provisioner of the class that kind has is an image of its own, which is not here.
  await writeFile(join(work, 'default-storage.yaml'), 'apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: { name: standard }\nprovisioner: kubernetes.io/no-provisioner\n')
  await run('docker', ['create', '--name', 'hardway-kind-last', BUILT], { env })
  await run('docker', ['cp', join(work, 'default-storage.yaml'), 'hardway-kind-last:/kind/manifests/default-storage.yaml'], { env })
  await run('docker', ['commit', 'hardway-kind-last', IMAGE], { env })
  await run('docker', ['rm', 'hardway-kind-last'], { env })
  return IMAGE
}

/** Where Go keeps it, in the version and with the hash that the component has. */
export async function kindSource(): Promise<string> {
  const { stdout } = await run('go', ['mod', 'download', '-json', 'sigs.k8s.io/kind'], { cwd: join(SOURCES, 'kind') })
  return (JSON.parse(stdout) as { Dir: string }).Dir
}

type Program = (name: ComponentName, file?: string) => string

/** systemd, containerd and what they need, by mmdebstrap: a tar. */
async function makeBase(program: Program, source: string, work: string): Promise<string> {
  const [tools, laid, tar] = [join(work, 'tools'), join(work, 'laid'), join(work, 'base.tar')]
  const files = join(source, 'images/base/files')
  await cp(files, laid, { recursive: true, filter: path => !path.startsWith(join(files, 'LICENSES')) })
  for (const name of ['containerd', 'containerd-shim-runc-v2', 'ctr']) await put(program('containerd', name), join(laid, 'usr/local/bin'))
  await put(program('crictl'), join(laid, 'usr/local/bin'))
  for (const name of PLUGINS) await put(program('cni-plugins', name), join(laid, 'opt/cni/bin'))
  await writeFile(join(laid, 'etc/containerd/cri-base.json'), await runtimeSpec(program('containerd', 'ctr')))
  await mkdir(join(laid, 'etc/kubernetes/manifests'), { recursive: true })
  await run('chmod', ['-R', 'u=rwX,go=rX', laid])
  await run('chmod', ['-R', '755', join(laid, 'usr/local/bin'), join(laid, 'kind/bin'), join(laid, 'opt/cni/bin')])
  await fetchTools(tools)
  await run('unshare', ['-m', '--propagation', 'private', 'mmdebstrap', '--quiet', '--mode=root', '--variant=minbase', `--include=${PACKAGES.join(',')}`,
    '--aptopt=APT::Install-Recommends "false"', `--customize-hook=cp -r "${laid}/." "$1"`, `--customize-hook=chroot "$1" sh -ec '${IN_BASE}'`, 'trixie', tar],
  { env: { ...process.env, PATH: `${join(tools, 'usr/bin')}:${process.env['PATH'] ?? ''}` } })
  return tar
}

/** Of the units that Debian enables, those for real hardware would only fail. */
const IN_BASE = `
  for when in multi-user local-fs basic sockets sysinit; do
    for unit in /etc/systemd/system /usr/lib/systemd/system; do
      find "$unit/$when.target.wants" 2>/dev/null -type l \\( -name "*udev*" -o -name "*tmpfiles-setup.service" -o -path "*/multi-user.*" -o -path "*/local-fs.*" -o -path "*/basic.*" \\) -delete || :
    done
  done
  systemctl enable containerd kubelet undo-mount-hacks
  systemctl mask systemd-binfmt.service
  mkdir -p /etc/systemd/journald.conf.d
  printf "[Journal]\\nReadKMsg=no\\n" >/etc/systemd/journald.conf.d/kind.conf
  ln -sf /usr/lib/systemd/systemd /sbin/init`

/** What containerd starts containers by: its own default, with what kind adds to it. */
async function runtimeSpec(ctr: string): Promise<string> {
  const { stdout } = await run(ctr, ['oci', 'spec'])
  const spec = JSON.parse(stdout) as { process: { rlimits?: unknown }; hooks?: object }
  delete spec.process.rlimits
  return JSON.stringify({ ...spec, hooks: { ...spec.hooks, createContainer: [{ path: '/kind/bin/mount-product-files.sh' }] } })
}

/** What Kubernetes publishes as kubernetes-server-linux-….tar.gz, and in it each image that a node has to have. */
async function makeServerArchive(program: Program, catatonit: string, source: string, work: string): Promise<string> {
  const { version } = components.kubelet
  const bin = join(work, 'kubernetes/server/bin')
  await mkdir(bin, { recursive: true })
  await writeFile(join(work, 'kubernetes/version'), `${version}\n`)
  for (const name of ['kubeadm', 'kubelet', 'kubectl'] as const) await put(program(name), bin)
  const { stdout: listed } = await run(program('kubeadm'), ['config', 'images', 'list', '--kubernetes-version', version])
  const named = (part: string): string => listed.split('\n').find(line => line.includes(`/${part}:`)) ?? ''
  const config = await readFile(join(source, 'images/base/files/etc/containerd/config.toml'), 'utf8')
  const pause = /sandbox_image = "(.*)"/.exec(config)?.[1] ?? ''
  const wanted = await Promise.all(['const_cni.go', 'const_storage.go'].map(file => readFile(join(source, 'pkg/build/nodeimage', file), 'utf8')))
  // kind insists on them, and a cluster without its network and its storage starts none of them.
  const idle = [...wanted.join('\n').matchAll(/^const \w+Image = "(.*)"$/gm)].map(([, name = '']) => name)
  const images = (names: readonly string[], entrypoint: readonly string[], ...files: readonly (readonly [from: string, to: string])[]): Image => ({ names, entrypoint, files })
  for (const name of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const) {
    await makeImages(join(bin, `${name}.tar`), [images([`registry.k8s.io/${name}:${version}`], [`/usr/local/bin/${name}`], [program(name), `/usr/local/bin/${name}`])])
  }
  const iptables = ['iptables', 'ip6tables'].flatMap(name => ['', '-save', '-restore'].map(what => `${name}${what}`))
  await makeImages(join(bin, 'kube-proxy.tar'), [
    images([`registry.k8s.io/kube-proxy:${version}`], ['/usr/local/bin/kube-proxy'],
      [program('kube-proxy'), '/usr/local/bin/kube-proxy'], ...await linked(iptables.map(name => `/usr/sbin/${name}`))),
    images([named('etcd')], ['/usr/local/bin/etcd'], [program('etcd'), '/usr/local/bin/etcd']),
    images([named('coredns/coredns')], ['/coredns'], [program('coredns'), '/coredns']),
    images([pause, ...idle], ['/pause', '-P'], [catatonit, '/pause']),
  ])
  const archive = join(work, `kubernetes-server-linux-${thisArch}.tar.gz`)
  await run('tar', ['-C', work, '-cf', join(work, 'kubernetes.tar'), 'kubernetes'])
  await pipeline(createReadStream(join(work, 'kubernetes.tar')), createGzip({ level: 0 }), createWriteStream(archive))
  return archive
}

/** Programs of this machine, and what they load. */
async function linked(programs: readonly string[]): Promise<readonly (readonly [from: string, to: string])[]> {
  const { stdout: where } = await run('sh', ['-c', 'ls -d /usr/lib/*/xtables'])
  const extensions = (await run('find', [where.trim(), '-name', '*.so'])).stdout.trim().split('\n')
  const { stdout } = await run('ldd', [...programs, ...extensions])
  const libraries = [...new Set([...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path))]
  return [...programs, ...extensions, ...libraries].map(path => [path, path])
}

interface Image {
  readonly names: readonly string[]
  readonly entrypoint: readonly string[]
  readonly files: readonly (readonly [from: string, to: string])[]
}

/** An archive as `docker save` writes it. kind takes the names from the first file that has some, and reads no more than one image of the other. */
async function makeImages(archive: string, images: readonly Image[]): Promise<void> {
  const folder = `${archive}.d`
  const repositories: Record<string, Record<string, string>> = {}
  const manifest = await Promise.all(images.map(async ({ names, entrypoint, files }, index) => {
    const root = join(folder, `root${index}`)
    await mkdir(join(root, 'tmp'), { recursive: true })
    for (const [from, to] of files) await put(from, join(root, to, '..'), to.split('/').at(-1))
    const layer = `layer${index}.tar`
    await run('tar', ['-C', root, '--owner=0', '--group=0', '-cf', join(folder, layer), '.'])
    const hash = createHash('sha256')
    await pipeline(createReadStream(join(folder, layer)), hash)
    const config = `config${index}.json`
    await writeFile(join(folder, config), JSON.stringify({
      architecture: thisArch, os: 'linux', config: { Entrypoint: entrypoint, Env: ['PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${hash.digest('hex')}`] },
    }))
    for (const name of names) {
      const [, repository = '', tag = ''] = /^(.*):([^:]*)$/.exec(name) ?? []
      repositories[repository] = { [tag]: String(index) }
    }
    return { Config: config, RepoTags: names, Layers: [layer] }
  }))
  await writeFile(join(folder, 'repositories'), JSON.stringify(repositories))
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))
  await run('tar', ['-C', folder, '-cf', archive, 'repositories', 'manifest.json', ...manifest.flatMap(({ Config, Layers }) => [Config, ...Layers])])
  await run('rm', ['-r', folder])
}

async function put(from: string, into: string, name = ''): Promise<void> {
  await mkdir(into, { recursive: true })
  await run('cp', ['-L', '--preserve=mode', from, join(into, name)])
}

async function run(file: string, args: readonly string[], options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {}): Promise<{ readonly stdout: string }> {
  return promisify(execFile)(file, args, { ...options, maxBuffer: 1 << 26 })
}
