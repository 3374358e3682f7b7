// 23 · A cluster by hand: each component, its certificate, and who tells it which addresses are whose.
import { readdirSync, readFileSync } from 'node:fs'
import {
  apiFromPods, apiGuarded, apiReady, clusterServiceAnswers, controllersWork, etcdGuarded, keysStay, knownAs, kubectlWorks, kubeletGuarded, kubeletReached, kubeletsTell, lacksCniOnly, nobodySkips,
  nodesHaveRanges, nodesReady, podsFindNames, podsInRange, clusterPodsReach, proxyLives, sameRanges, serverNames, signedCertificates,
} from 'hardway/checks'
import { importImages } from 'hardway/cluster'
import { bash, defineLab, fail, pass, write, type Answer, type Bench, type Deed } from 'hardway/lab'

type Name = 'server' | 'node-0' | 'node-1'

const workers = ['node-0', 'node-1'] as const
const PODS = '10.244.0.0/23'
const SERVICES = '10.96.0.0/12'
const DNS = '10.96.0.10'
const ranges = { pods: PODS, services: SERVICES, wire: '192.168.1.0/24' }
const API_NAMES = ['192.168.1.10', '127.0.0.1', '10.96.0.1', 'kubernetes.default.svc']

const signed = signedCertificates({
  server: ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'admin'], 'node-0': ['node-0', 'kube-proxy'], 'node-1': ['node-1', 'kube-proxy'],
})
const keys = keysStay({ 'node-0': ['node-0', 'kube-proxy'], 'node-1': ['node-1', 'kube-proxy'] })
const apiNames = serverNames('server', 'kube-apiserver', API_NAMES)
const names0 = serverNames('node-0', 'node-0', ['node-0', '192.168.1.11'])
const names1 = serverNames('node-1', 'node-1', ['node-1', '192.168.1.12'])
const known = knownAs({
  admin: { node: 'server', user: 'admin', group: 'system:masters' },
  'kube-controller-manager': { node: 'server', user: 'system:kube-controller-manager' }, 'kube-scheduler': { node: 'server', user: 'system:kube-scheduler' },
  'node-0': { node: 'node-0', user: 'system:node:node-0', group: 'system:nodes' }, 'node-1': { node: 'node-1', user: 'system:node:node-1', group: 'system:nodes' },
  'kube-proxy': { node: 'node-0', user: 'system:kube-proxy' },
})
const etcd = etcdGuarded()
const api = apiReady(SERVICES)
const guarded = apiGuarded()
const told = sameRanges()
const working = controllersWork()
const apart = nodesHaveRanges(workers, ranges)
const reporting = lacksCniOnly(workers)
const reached = kubeletReached(workers)
const closed = kubeletGuarded(workers)
const verifying = nobodySkips()
const telling = kubeletsTell(workers, DNS)
const ready = nodesReady(workers)
const inRange = podsInRange('web', workers)
const flat = clusterPodsReach('web', workers)
const served = clusterServiceAnswers('web', 'web', workers)
const apiInside = apiFromPods('web', workers, '10.96.0.1')
const alive = proxyLives(workers)
const finding = podsFindNames('web', workers, { services: ['kubernetes', 'web'] })
const myService = clusterServiceAnswers('my-service', 'web', workers)
const myNames = podsFindNames('web', workers, { services: ['my-service'], headless: ['my-headless-service'] })
const kubectl = kubectlWorks('web', 8080, workers)


/** What the lab brings along, as a node has it. */
const file = (name: string): string => readFileSync(new URL(`files/${name}`, import.meta.url), 'utf8')
const folder = (name: string): readonly string[] => readdirSync(new URL(`files/${name}`, import.meta.url)).toSorted()

/** Who goes to the API, and by which certificate it knows whom it has reached, and is known itself. */
const credentials = (who: string, certificate = who) => `apiVersion: v1
kind: Config
current-context: hard-way
contexts:
- name: hard-way
  context: { cluster: hard-way, user: ${who} }
clusters:
- name: hard-way
  cluster: { server: 'https://192.168.1.10:6443', certificate-authority: /etc/kubernetes/pki/ca.crt }
users:
- name: ${who}
  user: { client-certificate: /etc/kubernetes/pki/${certificate}.crt, client-key: /etc/kubernetes/pki/${certificate}.key }
`

const common = (units: readonly string[]) => [
  'mkdir -p /etc/kubernetes/pki; chmod 700 /etc/kubernetes/pki',
  'printf \'192.168.1.10 server\\n192.168.1.11 node-0\\n192.168.1.12 node-1\\n\' >>/etc/hosts',
  ...['start', 'stop'].map(name => write(`/usr/local/bin/${name}`, file(name), '755')),
  ...units.map(name => write(`/etc/units/${name}`, file(`units/${name}`))),
  'sysctl -qw net.ipv4.ip_forward=0 net.bridge.bridge-nf-call-iptables=0',
].join('\n')

const setup: Deed<Name> = async all => {
  await Promise.all([
    bash(all.server, [
      common(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler']),
      ...['issue', 'send'].map(name => write(`/usr/local/bin/${name}`, file(name), '755')),
      write('/root/.kube/config', credentials('admin'), '600'),
      ...['kube-controller-manager', 'kube-scheduler'].map(who => write(`/etc/kubernetes/${who}.conf`, credentials(who), '600')),
      ...folder('cluster').map(name => write(`/root/cluster/${name}`, file(`cluster/${name}`))),
      // etcd asks for two files of 64 MB at once, as blocks of the disk. This file system refuses, and gives what is written.
      'mkdir -p /var/lib/etcd', 'mount -t ramfs -o mode=700 etcd /var/lib/etcd',
    ].join('\n')),
    ...workers.map(name => bash(all[name], [
      common(['containerd', 'kubelet', 'kube-proxy']),
      // Where a node sends what is for nobody on the wire: a packet for a Service has to have a way before it is translated.
      'ip route add default via 192.168.1.10',
      'mkdir -p /etc/cni/net.d /etc/kubernetes/kubelet.d',
      write('/etc/containerd/config.toml', file('containerd.toml')), write('/etc/kubernetes/kubelet.yaml', file('kubelet.yaml').replaceAll('NODE', name)),
      write('/etc/crictl.yaml', 'runtime-endpoint: unix:///run/containerd/containerd.sock\n'), write('/usr/local/bin/import-images', importImages, '755'),
      ...['kubelet', 'kube-proxy'].map(who => write(`/etc/kubernetes/${who}.conf`, credentials(who, who === 'kubelet' ? name : who), '600')),
      // What stands for sshd: it takes files from server, and unpacks them where they were. When all has been sent, socat waits half a second
      // for whoever it runs, unless it is told to wait longer.
      'setsid socat -t 20 TCP-LISTEN:22,reuseaddr,fork,range=192.168.1.10/32 SYSTEM:"tar -P -xf - && echo taken" </dev/null >/dev/null 2>&1 &',
      'until [ -n "$(ss -Hltn sport = :22)" ]; do sleep 0.01; done',
    ].join('\n'))),
  ])
}

const ROLLED = 'kubectl -n kube-system rollout status deployment/coredns --timeout=30s'

/** The commands of the first step, with what is to be different. */
const pki = ({ api = `/CN=kube-apiserver ${addresses(API_NAMES)}`, node0 = '/O=system:nodes/CN=system:node:node-0', admin = '/O=system:masters/CN=admin', scheduler = 'issue kube-scheduler /CN=system:kube-scheduler DNS:localhost', last = '' } = {}) => `cd /etc/kubernetes/pki
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 3650 -subj /CN=hard-way -keyout ca.key -out ca.crt 2>/dev/null
openssl ecparam -name prime256v1 -genkey -noout -out service-accounts.key
issue etcd /CN=etcd IP:127.0.0.1
issue kube-apiserver ${api}
issue kube-controller-manager /CN=system:kube-controller-manager DNS:localhost
${scheduler}
issue kube-proxy /CN=system:kube-proxy
issue admin ${admin}
issue node-0 ${node0} DNS:node-0 IP:192.168.1.11
issue node-1 /O=system:nodes/CN=system:node:node-1 DNS:node-1 IP:192.168.1.12
${last}
send node-0 ca.crt node-0.* kube-proxy.*
send node-1 ca.crt node-1.* kube-proxy.*`
const addresses = (names: readonly string[]) => names.map(name => `${/^[\d.]+$/.test(name) ? 'IP' : 'DNS'}:${name}`).join(' ')
const onServer = (script: string): Deed<Name> => ({ server }) => bash(server, script)

export default defineLab<Name>({
  setup,
  steps: {
    identities: {
      checks: [signed, apiNames, known, names0, names1, keys],
      hints: [
        'What does the API server have to know of somebody who comes with a certificate, and what does somebody who comes to it have to know?',
        failing => failing.includes(apiNames.claim) ? 'By which names and addresses is the API server called: from outside, on its own machine, and in a pod?'
          : failing.includes(known.claim) ? 'CN is the user, O the group. For the parts of Kubernetes itself both are fixed: their rights hang on them.'
            : failing.includes(keys.claim) && !failing.includes(signed.claim) ? 'Which files does a node need, and what could somebody do there with the others? On the nodes: `ls /etc/kubernetes/pki`.'
              : 'On server: `openssl x509 -noout -subject -dates -ext subjectAltName -in node-0.crt`, and `openssl verify -CAfile ca.crt node-0.crt`.',
        'On server, in /etc/kubernetes/pki, the lines as printed; whatever is made anew has to be sent to the nodes anew.',
      ],
      alternatives: {
        // As kubeadm has it: the request is made where the key is, and the key stays there.
        'the key made on node-1, and a request for it signed': async all => {
          await bash(all.server, pki().replace('node-1.* ', ''))
          const { stdout } = await all['node-1']`cd /etc/kubernetes/pki; openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout node-1.key -subj /O=system:nodes/CN=system:node:node-1 -addext ${'subjectAltName=DNS:node-1,IP:192.168.1.12'} 2>/dev/null`
          await bash(all.server, `cd /etc/kubernetes/pki; rm node-1.*; openssl x509 -req -CA ca.crt -CAkey ca.key -days 90 -copy_extensions copy -out node-1.crt 2>/dev/null <<'END'\n${stdout}END\nsend node-1 node-1.crt`)
        },
      },
      mutants: {
        'the first address of Services forgotten': { refusedBy: apiNames.claim, instead: onServer(pki({ api: `/CN=kube-apiserver ${addresses(API_NAMES.filter(name => name !== '10.96.0.1'))}` })) },
        'a node by its own name': { refusedBy: known.claim, instead: onServer(pki({ node0: '/O=system:nodes/CN=node-0' })) },
        'an administrator of no group': { refusedBy: known.claim, instead: onServer(pki({ admin: '/CN=admin' })) },
        'a certificate that has expired': {
          refusedBy: signed.claim,
          instead: onServer(pki({ scheduler: `openssl req -x509 -CA ca.crt -CAkey ca.key -not_before 20240101000000Z -not_after 20250101000000Z -subj /CN=system:kube-scheduler -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout kube-scheduler.key -out kube-scheduler.crt -extensions usr_cert -addext subjectAltName=DNS:localhost 2>/dev/null` })),
        },
        'the authority sent along': { refusedBy: keys.claim, after: onServer('cd /etc/kubernetes/pki; send node-0 ca.*') },
        'a key that was made anew, and not sent': { refusedBy: keys.claim, after: onServer('cd /etc/kubernetes/pki; issue kube-proxy /CN=system:kube-proxy; send node-1 kube-proxy.crt') },
        'an authority for each node': {
          refusedBy: signed.claim,
          after: ({ 'node-1': node }) => bash(node, `cd /etc/kubernetes/pki
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=hard-way -keyout ca.key -out ca.crt 2>/dev/null
            openssl req -x509 -CA ca.crt -CAkey ca.key -subj /O=system:nodes/CN=system:node:node-1 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout node-1.key -out node-1.crt -extensions usr_cert -addext subjectAltName=DNS:node-1,IP:192.168.1.12 2>/dev/null`),
        },
      },
    },
    api: {
      checks: [etcd, api, guarded],
      hints: [
        'Which of the two has to be there first, and which range has the certificate of the API server been made for?',
        failing => failing.includes(etcd.claim) ? 'What did etcd say last? `tail -n 3 /var/log/etcd.log` on server.'
          : failing.includes(api.claim) ? 'On server: `kubectl get servicecidr kubernetes`, and `openssl x509 -noout -ext subjectAltName -in /etc/kubernetes/pki/kube-apiserver.crt`. Is the first address of the one in the other?'
            : 'Whoever the authority has signed is known; what it may do is another question. `--authorization-mode` of /etc/units/kube-apiserver.',
        `On server: \`start etcd\`, then \`start kube-apiserver --service-cluster-ip-range=${SERVICES}\``,
      ],
      mutants: {
        'another range than the certificate has': { refusedBy: api.claim, instead: onServer('start etcd; start kube-apiserver --service-cluster-ip-range=10.32.0.0/24') },
        'etcd without certificates': {
          refusedBy: etcd.claim,
          instead: onServer(`sed -i 's| --client-cert-auth||; s|--trusted-ca-file=[^ ]*||' /etc/units/etcd; start etcd; start kube-apiserver --service-cluster-ip-range=${SERVICES}`),
        },
        'whoever is known may do all': { refusedBy: guarded.claim, instead: onServer(`start etcd; start kube-apiserver --service-cluster-ip-range=${SERVICES} --authorization-mode=AlwaysAllow`) },
      },
    },
    controllers: {
      checks: [working, told, apart],
      hints: [
        'Which two ranges does the controller manager have to be told, and who was told one of them before?',
        failing => failing.includes(apart.claim) ? 'On server: `kubectl get nodes -o custom-columns=NAME:.metadata.name,PODS:.spec.podCIDR`. Without a range: has it been told to give any, and from where?'
          : failing.includes(told.claim) ? '`kubectl get servicecidr kubernetes`, beside `tr "\\0" "\\n" </proc/$(cat /run/kube-controller-manager.pid)/cmdline`'
            : 'What do they say themselves? /var/log/kube-controller-manager.log and /var/log/kube-scheduler.log.',
        `On server: \`start kube-controller-manager --service-cluster-ip-range=${SERVICES} --allocate-node-cidrs --cluster-cidr=${PODS}\`, \`start kube-scheduler\`, and \`kubectl create -f /root/cluster/node-1.yaml\`. A range that a Node has stays: \`kubectl delete node node-0\`, and make it anew`,
      ],
      mutants: {
        'nobody gives ranges to nodes': { refusedBy: apart.claim, instead: onServer(controllers(`--service-cluster-ip-range=${SERVICES}`)) },
        'pods where Services are': { refusedBy: apart.claim, instead: onServer(controllers(`--service-cluster-ip-range=10.32.0.0/24 --allocate-node-cidrs --cluster-cidr=10.100.0.0/16`)) },
        'another range for Services': { refusedBy: told.claim, instead: onServer(controllers(`--service-cluster-ip-range=10.32.0.0/24 --allocate-node-cidrs --cluster-cidr=${PODS}`)) },
      },
    },
    workers: {
      checks: [reporting, reached, closed, verifying, telling],
      hints: [
        'Who speaks to whom here? The kubelet to the API server, the API server to the kubelet, the kubelet to containerd. Which of the three does not work?',
        failing => failing.includes(reached.claim) ? 'The API server comes to the kubelet as the user of its certificate. Is it verified, is it known, and does a rule let it in? On server: `kubectl get --raw /api/v1/nodes/node-0/proxy/healthz`.'
          : failing.includes(telling.claim) ? 'What a pod is told about names its kubelet has read, when it was started, in /etc/kubernetes/kubelet.d.'
            : 'On the node: `tail /var/log/kubelet.log`. On server: `kubectl describe node node-0`.',
        'On server: `kubectl create clusterrolebinding kubelet-api --clusterrole=system:kubelet-api-admin --user=kube-apiserver`. On each node the file as printed, then `start containerd`, `import-images`, `start kubelet`',
      ],
      mutants: {
        'no rule lets the API server in': { refusedBy: reached.claim, instead: workersUp([DNS, DNS], 'true') },
        'a kubelet that lets everybody in': {
          refusedBy: closed.claim,
          instead: async all => {
            await all['node-1']`sed -i ${'s/mode: Webhook/mode: AlwaysAllow/'} /etc/kubernetes/kubelet.yaml`
            await workersUp()(all)
          },
        },
        'kubelets believed without a signature': {
          refusedBy: verifying.claim,
          instead: async all => {
            await bash(all.server, `start kube-apiserver --service-cluster-ip-range=${SERVICES} --kubelet-certificate-authority=`)
            await workersUp()(all)
          },
        },
        'another server for names on node-1': { refusedBy: telling.claim, instead: workersUp([DNS, '10.96.0.53']) },
      },
    },
    cni: {
      checks: [ready, inRange, flat],
      hints: [
        'Three things have to agree on each node: a file in /etc/cni/net.d, a program of that name, and the range that the API has for this node. Which of them does a claim name?',
        failing => failing.includes(ready.claim) ? 'On the node: `grep cni /var/log/containerd.log | tail -n 2`, and `ls -l /etc/cni/net.d /opt/cni/bin`.'
          : failing.includes(inRange.claim) ? 'On server: `kubectl get pods -o wide`, `kubectl describe pod` of one that does not run, and `kubectl get nodes -o custom-columns=NAME:.metadata.name,PODS:.spec.podCIDR`.'
            : 'Pods have addresses, and packets do not get there, or not as they were: `ip route` on both nodes, `tcpdump -i eth0` on one, and whether something translates (lab 06).',
        'On each node /etc/cni/net.d/10-pods.conflist as printed, with its own range; `ip route add 10.244.1.0/24 via 192.168.1.12` on node-0, `ip route add 10.244.0.0/24 via 192.168.1.11` on node-1; on server both routes, and `kubectl apply -f /root/cluster/web.yaml`',
      ],
      alternatives: {
        'without a bridge': joined({ conflist: range => conflist(range, { type: 'ptp', isGateway: undefined, bridge: undefined, hairpinMode: undefined }) }),
      },
      mutants: {
        'a comma too many': { refusedBy: ready.claim, instead: joined({ conflist: range => conflist(range).replace(/\}$/, '},') }) },
        'the same range on both nodes': { refusedBy: inRange.claim, instead: joined({ ranges: ['10.244.0.0/24', '10.244.0.0/24'] }) },
        'no plugin of that name': { refusedBy: inRange.claim, instead: joined({ conflist: range => conflist(range, { type: 'brigde' }) }) },
        'a plugin that may not be run': { refusedBy: inRange.claim, instead: joined({ before: 'cp --remove-destination "$(readlink -f /opt/cni/bin/bridge)" /opt/cni/bin/bridge; chmod -x /opt/cni/bin/bridge' }) },
        'another folder for plugins': { refusedBy: inRange.claim, instead: joined({ before: 'sed -i s,/opt/cni/bin,/usr/lib/cni, /etc/containerd/config.toml; stop kubelet; start containerd; start kubelet' }) },
        'the plugin masquerades': { refusedBy: flat.claim, instead: joined({ conflist: range => conflist(range, { ipMasq: true }) }) },
        'pods on the network of their nodes': { refusedBy: inRange.claim, instead: joined({ web: `sed '/^    spec:/a\\      hostNetwork: true' /root/cluster/web.yaml | kubectl apply -f -` }) },
        'node-1 has no way back': { refusedBy: flat.claim, after: ({ 'node-1': node }) => node`ip route del 10.244.0.0/24` },
      },
    },
    proxy: {
      checks: [alive, served, apiInside],
      hints: [
        'Who writes the rules by which a Service has an address, on which machine, and by what does it know a pod from a stranger?',
        failing => failing.includes(alive.claim) ? 'On the node: `tail -n 5 /var/log/kube-proxy.log`.'
          : failing.includes(apiInside.claim) ? 'The way there is a rule of kube-proxy; the way back is a route on server. And the certificate has to name 10.96.0.1.'
            : 'Whom does a pod see? Who is not in `--cluster-cidr` comes from outside, for kube-proxy, and is masqueraded.',
        `On each node: \`sysctl -w net.bridge.bridge-nf-call-iptables=1\`, and \`start kube-proxy --proxy-mode=nftables --cluster-cidr=${PODS}\``,
      ],
      alternatives: {
        'by iptables': proxied(`--proxy-mode=iptables --cluster-cidr=${PODS}`),
      },
      mutants: {
        'pods taken for strangers': { refusedBy: served.claim, instead: proxied('--proxy-mode=nftables --cluster-cidr=10.200.0.0/16') },
        'kube-proxy of node-1 is dead': { refusedBy: alive.claim, after: ({ 'node-1': node }) => node`stop kube-proxy` },
        'server does not know where pods are': { refusedBy: apiInside.claim, after: ({ server }) => bash(server, 'ip route del 10.244.1.0/24') },
      },
    },
    names: {
      checks: [finding],
      hints: [
        'Which address are pods told to ask, and which Service has it? Two people say it, and nobody compares.',
        'On server: `kubectl -n kube-system get service,pods -o wide`, and `kubectl -n kube-system logs deployment/coredns`. In a pod: `kubectl exec daemonset/web -- cat /etc/resolv.conf`.',
        'On server: `kubectl apply -f /root/cluster/coredns.yaml`, and wait: `kubectl -n kube-system rollout status deployment/coredns`',
      ],
      mutants: {
        'kube-dns at another address': { refusedBy: finding.claim, instead: onServer(`sed 's/clusterIP: .*/clusterIP: 10.96.0.53/' /root/cluster/coredns.yaml | kubectl apply -f -\n${ROLLED}`) },
        'CoreDNS may read nothing': { refusedBy: finding.claim, instead: onServer(`sed 's/name: coredns, namespace: kube-system }]/name: core-dns, namespace: kube-system }]/' /root/cluster/coredns.yaml | kubectl apply -f -`) },
        'bridged frames pass rules by': { refusedBy: finding.claim, after: all => Promise.all(workers.map(name => all[name]`sysctl -qw net.bridge.bridge-nf-call-iptables=0`)) },
      },
    },
    exercises: {
      checks: [kubectl, myService, myNames],
      hints: [
        'The Service `web` is an example of the first: `kubectl get service web -o yaml`. What does the second one not have?',
        failing => failing.includes(myService.claim) ? 'Behind which pods, and on which of their ports? `kubectl get endpointslices`'
          : failing.includes(myNames.claim) ? '`clusterIP: None`, and the same selector.' : 'Each of the three goes from the API server to a kubelet.',
        'On server: `kubectl create service clusterip my-service --tcp=80:8080`, `kubectl create service clusterip my-headless-service --clusterip=None --tcp=8080`, and for both `kubectl set selector service NAME app=web`',
      ],
      solution: onServer(`${service('my-service', 80)}\n${service('my-headless-service', 8080, 'None')}`),
      answers: {
        gateway: answer('an IPv4 address', ['10.244.0.2', '192.168.1.11', '192.168.1.10', '10.96.0.1'], async bench => {
          const { stdout } = await (await webOn(bench, 'node-0')).exec(['ip', '-4', 'route', 'show', 'default'])
          return / via (\S+)/.exec(stdout)?.[1]
        }),
        'second-hop': answer('an IPv4 address', ['10.244.0.1', '10.244.1.1', '192.168.1.11', '192.168.1.10'], async bench => {
          const to = await addressOn(bench, 'node-1')
          const { stdout } = await (await webOn(bench, 'node-0')).exec(['ping', '-n', '-c', '1', '-W', '2', '-t', '2', to])
          return /From (\S+)/.exec(stdout)?.[1]
        }),
        plugin: answer('the name of a program', ['host-local', 'containerd', 'kubelet', 'cni0'], async bench => {
          const { stdout } = await bench.place('node-0').exec(['sh', '-c', 'cat "$(ls /etc/cni/net.d/*.conf* | head -n 1)" | jq -r ".plugins[0].type // .type"'])
          return stdout.trim() || undefined
        }),
        headless: answer('the addresses of pods, separated by commas', ['10.96.0.10', '10.244.0.1,10.244.1.1', '192.168.1.11,192.168.1.12'], async bench => {
          const { stdout } = await (await webOn(bench, 'node-0')).exec(['dig', '+short', '+time=2', '@10.96.0.10', 'my-headless-service.default.svc.cluster.local'])
          return listed(stdout)
        }),
      },
      mutants: {
        'the port of the Service and not of the pods': { refusedBy: myService.claim, instead: onServer(`${service('my-service', 80).replace('8080', '80')}\n${service('my-headless-service', 8080, 'None')}`) },
        'an address for both': { refusedBy: myNames.claim, instead: onServer(`${service('my-service', 80)}\n${service('my-headless-service', 8080)}`) },
      },
    },
  },
})

function controllers(flags: string): string {
  return `start kube-controller-manager ${flags}
start kube-scheduler
for node in node-0 node-1; do
  kubectl create -f /root/cluster/$node.yaml
  kubectl wait --timeout=5s --for=jsonpath='{.spec.podCIDR}' node/$node || true
done`
}

/** The commands of the step with the kubelets; the first may be different, and what each tells its pods. */
function workersUp(dns: readonly [string, string] = [DNS, DNS], rule = 'kubectl create clusterrolebinding kubelet-api --clusterrole=system:kubelet-api-admin --user=kube-apiserver'): Deed<Name> {
  return async all => {
    await Promise.all(workers.map((name, index) => bash(all[name], `cat >/etc/kubernetes/kubelet.d/10-names.conf <<'END'
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
clusterDNS: [${dns[index] ?? DNS}]
clusterDomain: cluster.local
END
start containerd
import-images
start kubelet`)))
    await bash(all.server, `kubectl wait --for=condition=Ready=false nodes --all\n${rule}`)
  }
}

interface Joining {
  readonly conflist?: (range: string) => string
  readonly ranges?: readonly [string, string]
  readonly before?: string
  readonly web?: string
}

/** What the step with CNI does; it waits for pods for as long as it takes a right one to run. */
function joined({ conflist: text = conflist, ranges: of = ['10.244.0.0/24', '10.244.1.0/24'], before = 'true', web = 'kubectl apply -f /root/cluster/web.yaml' }: Joining): Deed<Name> {
  return async all => {
    await Promise.all(workers.map((name, index) => bash(all[name], `${before}
cat >/etc/cni/net.d/10-pods.conflist <<'END'
${text(of[index] ?? '')}
END
ip route add 10.244.${1 - index}.0/24 via 192.168.1.1${2 - index}`)))
    await bash(all.server, `ip route add 10.244.0.0/24 via 192.168.1.11; ip route add 10.244.1.0/24 via 192.168.1.12
${web}
kubectl rollout status daemonset/web --timeout=6s || true`)
  }
}

function conflist(range: string, more: Readonly<Record<string, unknown>> = {}): string {
  const bridge = { type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: false, hairpinMode: true, ...more }
  return JSON.stringify({ cniVersion: '1.0.0', name: 'pods', plugins: [{ ...bridge, ipam: { type: 'host-local', ranges: [[{ subnet: range }]], routes: [{ dst: '0.0.0.0/0' }] } }] }, null, 2)
}

function proxied(flags: string): Deed<Name> {
  return all => Promise.all(workers.map(name => bash(all[name], `sysctl -qw net.bridge.bridge-nf-call-iptables=1\nstart kube-proxy ${flags}`)))
}

function service(name: string, port: number, address?: string): string {
  return `kubectl apply -f - <<'END'
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { ${address === undefined ? '' : `clusterIP: ${address}, `}selector: { app: web }, ports: [{ port: ${port}, targetPort: 8080 }] }
END`
}

/** The address of the pod of web on a node, by who is there. */
async function addressOn(bench: Bench, node: string): Promise<string> {
  const pod = (await bench.namespaces(node)).find(one => !one.own && one.links.some(({ name }) => name === 'eth0'))
  return pod?.links.find(({ name }) => name === 'eth0')?.addresses[0]?.split('/')[0] ?? ''
}

async function webOn(bench: Bench, node: string) {
  const pods = (await bench.namespaces(node)).filter(one => !one.own && one.links.some(({ name }) => name === 'eth0'))
  return pods[0]?.place ?? bench.place(node)
}

/** In whatever order they were given. */
function listed(text: string): string {
  return text.split(/[\s,]+/).filter(Boolean).toSorted().join(',')
}

function answer(what: string, wrong: readonly [string, ...string[]], find: (bench: Bench) => Promise<string | undefined>): Answer {
  const now = async (bench: Bench): Promise<string> => await find(bench) ?? ''
  return {
    wrong, right: now,
    grade: async (bench, value) => {
      const evidence = await bench.place('server').exec(['true'])
      const right = await now(bench)
      if (right === '') return fail(`it is not to be had now: ${what} was expected`, evidence)
      return listed(value) === right ? pass(evidence) : fail(`it is another one now; what is asked for is ${what}`, evidence)
    },
  }
}
