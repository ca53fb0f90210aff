/** All that builders look at: the resource, and what was decided from the state of the cluster. */
import type { FtpServer } from '../api/ftp-server.ts'
import type { Half, RangeOwner, Rollout } from './ports.ts'

export type Blueprint = {
  readonly server: FtpServer
  readonly image: string
  /** Whether the cluster knows these kinds. */
  readonly served: ServedKinds
  /** Where the operator runs; undefined if that is not in the cluster. */
  readonly operatorNamespace: string | undefined
  readonly rollout: Rollout
  readonly externalTrafficPolicy: 'Local' | 'Cluster'
  readonly peerCheck: 'same-address' | 'off'
  readonly bansEnabled: boolean
  /** Clients may come with the address of a node. */
  readonly addressesHidden: boolean
  /** How many replicas have ports: those that are wanted, and those whose pods are not gone yet. */
  readonly portReplicas: number
  /** The Deployments to apply. */
  readonly replicas: readonly Replica[]
  readonly advertised: Advertised
  /** Of the claim, if the server has one of its own: volumes can't shrink, even if the resource is another than before. */
  readonly claimSize: string | undefined
  /** PEM of the certificate that the operator made, if one is wanted and there is one. */
  readonly selfSigned: { readonly certificate: Uint8Array; readonly key: Uint8Array } | undefined
  readonly certificate: CertificateSource
  /** Names for a certificate that is requested or made. */
  readonly certificateNames: CertificateNames
  /** Where pods hand over connections for passive ports that are not theirs; undefined where it is not known yet. */
  readonly relayPeerOf: (owns: RangeOwner['owns']) => string | undefined
  /** Content of the Secret that pods know each other by, as far as it is wanted and there is one. */
  readonly relaySecrets: ReadonlyMap<string, Uint8Array> | undefined
  /** Whether the Service may take connections for passive ports to any pod. */
  readonly relay: 'on' | 'off'
  /** Content of the users' Secrets, by key. */
  readonly users: readonly ReadonlyMap<string, Uint8Array>[]
}

export type ServedKinds = {
  readonly certificate: boolean
  readonly podMonitor: boolean
  readonly prometheusRule: boolean
}

export type Replica = {
  readonly index: number
  readonly half: Half
  /** Of the pod template, whichever half it uses. */
  readonly templateHash: string
  /** Its pod was taken away and drains, and none has taken its place yet. */
  readonly isVacant: boolean
}

export type CertificateSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'given'; readonly secretName: string }
  | { readonly kind: 'issued'; readonly secretName: string }
  | { readonly kind: 'self-signed'; readonly secretName: string }

export type CertificateNames = { readonly dnsNames: readonly string[]; readonly addresses: readonly string[] }

/** What PASV and EPSV tell clients. */
export type Advertised = {
  /** Address for a pod of a replica: it may hang on the node. In the server's words. */
  readonly addressOf: (replica: number, half: Half) => string
  /** In the server's words; the first match wins. */
  readonly byNetwork: (
    replica: number,
    half: Half,
  ) => readonly { readonly clients: readonly string[]; readonly address: string }[]
  /** By the port that pods listen on, where clients are told another. */
  readonly ports: ReadonlyMap<number, number>
}
