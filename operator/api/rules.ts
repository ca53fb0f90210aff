/** Rules over several fields, or over old and new, in the language of the API server (CEL), by the path of what they are about. */
import { podPorts } from './pod-ports.ts'
import { advertisedAddress, atMostOne, cidr, exactlyOne, immutable, type Rule, selective, unchanged } from './rule.ts'

// A port of a Service takes about 400 bytes with its managed fields, and etcd takes objects of 1.5 MB.
const maxPassivePorts = 2000
const selectingLabels = [
  'app.kubernetes.io/name',
  'app.kubernetes.io/instance',
  'app.kubernetes.io/managed-by',
  'ftp-operator.io/replica',
]
const portsStay = 'no port may move from one replica to another'

/** A folder is in a tree. */
export const notRoot: Rule = { rule: "self.path != '/'", message: 'must have another `path` than `/`' }

export const previousNeedsOne: Rule = {
  rule: '!has(self.previousPassword) || has(self.passwordHash) || has(self.passwordSecretRef)',
  message: 'may not be specified unless `passwordHash` or `passwordSecretRef` is',
  fieldPath: '.previousPassword',
  reason: 'FieldValueForbidden',
}

export const rules: Readonly<Record<string, readonly Rule[]>> = {
  spec: [
    {
      rule: `${passiveEnd()} <= 65536`,
      message:
        'must end at 65535 or before: `firstPort` + `portsPerReplica` × `replicas` - 1 is the last passive port of all replicas',
      fieldPath: '.passive',
    },
    {
      rule: `self.passive.portsPerReplica * self.replicas <= ${maxPassivePorts}`,
      message: `must come to at most ${maxPassivePorts} passive ports for all replicas: a Service holds no more`,
      fieldPath: '.passive.portsPerReplica',
    },
    {
      rule: `self.listeners.all(listener, listener.port < self.passive.firstPort || listener.port >= ${passiveEnd()})`,
      message: '`port` of a listener must lie outside of the passive ports of all replicas',
      fieldPath: '.listeners',
    },
    {
      rule: `self.passive.firstPort > ${podPorts.probes} || ${passiveEnd()} <= ${podPorts.probes}`,
      message: `must leave out port ${podPorts.probes}, at which pods answer probes`,
      fieldPath: '.passive.firstPort',
    },
    {
      rule: `self.passive.firstPort > ${podPorts.lastListener} || ${passiveEnd()} <= ${podPorts.firstListener}`,
      message: `must leave out the ports ${podPorts.firstListener} to ${podPorts.lastListener}, at which pods listen`,
      fieldPath: '.passive.firstPort',
    },
    {
      rule: `!self.hostNetwork || self.listeners.all(listener, listener.port >= 1024 && listener.port != ${podPorts.probes})`,
      message: `\`port\` of a listener must be 1024 or above and not ${podPorts.probes} with \`hostNetwork\`: the server listens on it on the node itself, without privileges`,
      fieldPath: '.listeners',
    },
    {
      rule: "!self.hostNetwork || self.service.relay != 'Enabled'",
      message: 'must not be `Enabled` with `hostNetwork`: clients reach each pod at the address of its node',
      fieldPath: '.service.relay',
    },
    {
      rule: "self.service.type in ['LoadBalancer', 'NodePort'] || self.listeners.all(listener, !has(listener.nodePort))",
      message: '`nodePort` may not be given unless `service.type` is `LoadBalancer` or `NodePort`',
      fieldPath: '.listeners',
      reason: 'FieldValueForbidden',
    },
    {
      rule: 'self.replicas <= 1 || !has(self.storage.emptyDir)',
      message:
        'must be at most 1 with `storage.emptyDir`: each replica would have files of its own, and clients would see now these, now those',
      fieldPath: '.replicas',
    },
    {
      rule: "self.replicas <= 1 || !has(self.storage.claim) || self.storage.claim.accessModes.exists(mode, mode in ['ReadWriteMany', 'ReadOnlyMany'])",
      message: 'must be at most 1 unless `storage.claim.accessModes` has `ReadWriteMany` or `ReadOnlyMany`',
      fieldPath: '.replicas',
    },
    {
      rule: "self.tls.clientCertificates.mode != 'Disabled' || self.users.all(user, !has(user.clientCertificate))",
      message: '`clientCertificate` may not be given unless `tls.clientCertificates.mode` is `Optional` or `Required`',
      fieldPath: '.users',
      reason: 'FieldValueForbidden',
    },
    {
      rule: 'self.users.all(user, !has(user.hosts) || user.hosts.all(name, self.hosts.exists(host, host.name == name)))',
      message: '`hosts` must be names of `hosts`',
      fieldPath: '.users',
    },
    {
      rule: "!self.anonymous.enabled || self.users.all(user, !(user.name in ['anonymous', 'ftp']))",
      message: '`name` may not be `anonymous` or `ftp`, which are those of anonymous access, while that is enabled',
      fieldPath: '.users',
      reason: 'FieldValueForbidden',
    },
  ],
  'spec.hosts': [
    {
      rule: `self.all(one, ${oneHostHas('one.name')} && one.aliases.all(alias, ${oneHostHas('alias')}))`,
      message: '`name` and `aliases` must be names that no other host has',
    },
  ],
  'spec.listeners': [
    {
      rule: 'self.all(one, self.exists_one(other, other.port == one.port))',
      message: '`port` must be one that no other listener has',
    },
    {
      rule: 'self.all(one, !has(one.nodePort) || self.exists_one(other, has(other.nodePort) && other.nodePort == one.nodePort))',
      message: '`nodePort` must be one that no other listener has',
    },
  ],
  'spec.listeners[].name': [
    {
      rule: "self != 'probes' && !self.startsWith('pasv-')",
      message: 'must be another name: `probes` and those that start with `pasv-` are names of other ports of the pods',
    },
  ],
  'spec.tls': [
    atMostOne('secretName', 'issuerRef', 'selfSigned'),
    {
      rule: '!has(self.secretName) || !has(self.dnsNames)',
      message: 'may not be specified with `secretName`: that certificate has its names already',
      fieldPath: '.dnsNames',
      reason: 'FieldValueForbidden',
    },
  ],
  'spec.tls.clientCertificates': [
    {
      rule: "self.mode == 'Disabled' || has(self.secretName)",
      message: 'must be given unless `mode` is `Disabled`: it has the authority that signs the certificates of clients',
      fieldPath: '.secretName',
      reason: 'FieldValueRequired',
    },
  ],
  'spec.passive': [immutable('firstPort', portsStay), immutable('portsPerReplica', portsStay)],
  'spec.passive.advertisedAddress': [advertisedAddress()],
  'spec.passive.advertisedAddresses[].address': [advertisedAddress()],
  'spec.service': [
    ...['loadBalancerClass', 'loadBalancerSourceRanges', 'allocateLoadBalancerNodePorts'].map(
      (field): Rule => ({
        rule: `self.type == 'LoadBalancer' || !has(self.${field})`,
        message: 'may not be specified unless `type` is `LoadBalancer`',
        fieldPath: `.${field}`,
        reason: 'FieldValueForbidden',
      }),
    ),
    {
      rule: `self.type != 'LoadBalancer' || oldSelf.type != 'LoadBalancer' || ${unchanged('loadBalancerClass')}`,
      message: 'may not be changed while `type` is `LoadBalancer`',
      fieldPath: '.loadBalancerClass',
      reason: 'FieldValueForbidden',
    },
    {
      rule: "self.type in ['LoadBalancer', 'NodePort'] || self.externalTrafficPolicy == 'Auto'",
      message: 'must be `Auto` unless `type` is `LoadBalancer` or `NodePort`',
      fieldPath: '.externalTrafficPolicy',
    },
    {
      rule: "self.type != 'None' || self.relay != 'Enabled'",
      message: 'must not be `Enabled` with `type` `None`: without a Service nothing comes to the wrong pod',
      fieldPath: '.relay',
    },
    {
      rule: '!has(self.ipFamilies) || self.ipFamilies.size() < 2 || self.ipFamilies[0] != self.ipFamilies[1]',
      message: 'must be two different families, if two',
      fieldPath: '.ipFamilies',
    },
    {
      rule: "!has(self.ipFamilies) || self.ipFamilies.size() < 2 || !has(self.ipFamilyPolicy) || self.ipFamilyPolicy != 'SingleStack'",
      message: 'must be one family with the `ipFamilyPolicy` `SingleStack`',
      fieldPath: '.ipFamilies',
    },
    {
      rule: '!has(self.ipFamilies) || !has(oldSelf.ipFamilies) || self.ipFamilies[0] == oldSelf.ipFamilies[0]',
      message: 'may not have another first family than before: that of a Service can’t change',
      fieldPath: '.ipFamilies',
      reason: 'FieldValueForbidden',
    },
  ],
  'spec.bans': [
    {
      rule: 'self.maxDurationSeconds >= self.durationSeconds',
      message: 'must not be below `durationSeconds`',
      fieldPath: '.maxDurationSeconds',
    },
  ],
  'spec.storage': [
    exactlyOne('claim', 'existingClaimName', 'emptyDir'),
    {
      rule: ['claim', 'existingClaimName', 'emptyDir']
        .map(kind => `has(self.${kind}) == has(oldSelf.${kind})`)
        .join(' && '),
      message: 'may not change between `claim`, `existingClaimName` and `emptyDir`: the files would stay behind',
      reason: 'FieldValueForbidden',
    },
    {
      rule: '!has(self.snapshots) || !has(self.emptyDir)',
      message: 'may not be specified with `emptyDir`: snapshots are of claims',
      fieldPath: '.snapshots',
      reason: 'FieldValueForbidden',
    },
  ],
  'spec.storage.symlinks.extraRoots[]': [
    {
      rule: "!(self in ['/', '/data', '/data/.ftp-server']) && !self.startsWith('/data/.ftp-server/')",
      message:
        'must be a directory below `/data`, or elsewhere, but not `/data/.ftp-server`, in which the server keeps what users may not see',
    },
  ],
  'spec.storage.claim': [
    {
      rule: '!quantity(self.size).isLessThan(quantity(oldSelf.size))',
      message: 'may not shrink: volumes can only grow',
      fieldPath: '.size',
      reason: 'FieldValueForbidden',
    },
    ...['storageClassName', 'accessModes', 'volumeName', 'dataSource'].map(field =>
      immutable(field, 'a claim can’t be changed in this'),
    ),
  ],
  'spec.users[]': [
    {
      rule: '!(has(self.passwordHash) && has(self.passwordSecretRef)) && (has(self.passwordHash) || has(self.passwordSecretRef) || has(self.clientCertificate))',
      message: 'must have one of `passwordHash` and `passwordSecretRef`, or `clientCertificate`, or both',
    },
    atMostOne('role', 'permissions'),
    previousNeedsOne,
  ],
  'spec.users[].previousPassword': [exactlyOne('passwordHash', 'passwordSecretRef')],
  'spec.users[].clientCertificate': [exactlyOne('commonName', 'fingerprint')],
  'spec.users[].paths[]': [exactlyOne('role', 'permissions')],
  'spec.users[].folders[]': [atMostOne('role', 'permissions'), notRoot],
  'spec.folders[]': [exactlyOne('target', 'claimName'), atMostOne('role', 'permissions'), notRoot],
  'spec.usersFrom[]': [exactlyOne('secretRef', 'configMapRef', 'secretSelector', 'configMapSelector')],
  'spec.usersFrom[].secretSelector': [selective('Secrets')],
  'spec.usersFrom[].configMapSelector': [selective('ConfigMaps')],
  'spec.allowedUsers.selector': [selective('FtpUsers')],
  'spec.allowedUsers.namespaces.selector': [selective('namespaces')],
  'spec.allowedUsers.namespaces': [
    {
      rule: "(self.from == 'Selector') == has(self.selector)",
      message: 'must be given with `from: Selector`, and may not be specified otherwise',
      fieldPath: '.selector',
    },
  ],
  'spec.anonymous': [atMostOne('role', 'permissions')],
  'spec.networkPolicy.from[]': [
    {
      rule: 'has(self.ipBlock) != (has(self.podSelector) || has(self.namespaceSelector))',
      message: 'must have either `ipBlock`, or `podSelector` or `namespaceSelector` or both',
    },
  ],
  'spec.networkPolicy.from[].ipBlock.cidr': [cidr()],
  'spec.networkPolicy.from[].ipBlock.except[]': [cidr()],
  'spec.inheritedMetadata': [
    {
      rule: `!has(self.labels) || !(${selectingLabels.map(label => `'${label}' in self.labels`).join(' || ')})`,
      message:
        'may not have `app.kubernetes.io/name`, `app.kubernetes.io/instance`, `app.kubernetes.io/managed-by` or `ftp-operator.io/replica`: by these the operator and the Service find what is theirs',
      fieldPath: '.labels',
      reason: 'FieldValueForbidden',
    },
  ],
}

function oneHostHas(name: string): string {
  return `self.exists_one(host, host.name == ${name} || ${name} in host.aliases)`
}

/** The first port after the passive ones of all replicas; there are always those of one. */
function passiveEnd(): string {
  return '(self.passive.firstPort + self.passive.portsPerReplica * (self.replicas > 1 ? self.replicas : 1))'
}
