"""ExternalDNS's webhook: what a Kubernetes cluster asks for becomes names of the configuration.

contract    the wire types of the published contract, read strictly and answered exactly
marks       TXT ownership records of ExternalDNS's registry: recognised, parsed, their names mapped
rules       what is accepted, what is left out, and why
accepting   a batch of changes onto the document of clusters' names
adjusting   /adjustendpoints: the form in which records are kept
merging     the document and the policy to endpoints and groups of the configuration
writing     one transaction for both documents; retiring deleted names at a bounded pace
"""
