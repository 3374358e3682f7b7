#include "bpf.h"

/* Of a Service: slot 0 says how many backends it has, slots 1, 2, … who they are. */
struct slot { u32 address; u16 port, slot; };
struct backend { u32 address; u16 port, count; };
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__uint(key_size, sizeof(struct slot));
	__uint(value_size, sizeof(struct backend));
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} services SEC(".maps");

/* What is written into a packet from here to there: a new destination, or, on the way back, a new source. */
struct change { u32 address; u16 port, back; };
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__uint(key_size, sizeof(struct tuple));
	__uint(value_size, sizeof(struct change));
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} connections SEC(".maps");

/* A connection to a Service begins: by whom it is answered, and what the answers are to say. */
static inline struct change *begin(struct tuple *asked, struct change *known)
{
	struct slot key = { asked->to, asked->to_port, 0 };
	struct backend *found = bpf_map_lookup_elem(&services, &key);
	struct tuple answer = { 0, asked->from, 0, asked->from_port };
	struct change there = {}, back = { asked->to, asked->to_port, 1 };

	if (!found || !found->count)
		return 0;
	if (known) {
		/* The first packet once more, or the same port again: to whom it went before. */
		there = *known;
	} else {
		key.slot = 1 + bpf_get_prandom_u32() % found->count;
		found = bpf_map_lookup_elem(&services, &key);
		if (!found)
			return 0;
		there.address = found->address;
		there.port = found->port;
	}
	answer.from = there.address;
	answer.from_port = there.port;
	/* Both, always: each entry goes when its time has come, and not with the other. */
	bpf_map_update_elem(&connections, &answer, &back, 0);
	bpf_map_update_elem(&connections, asked, &there, 0);
	return bpf_map_lookup_elem(&connections, asked);
}

#include "write.h"

SEC("tc") int lb(struct __sk_buff *skb)
{
	struct tuple tuple;
	struct change *change;

	if (!is_tcp(skb, &tuple))
		return TC_ACT_UNSPEC;
	change = bpf_map_lookup_elem(&connections, &tuple);
	if (is_first(skb) && !(change && change->back))
		change = begin(&tuple, change);
	if (!change) {
		/* Straight to the backend, from the same port: of an earlier connection by the Service nothing is to be remembered. */
		struct tuple answer = { tuple.to, tuple.from, tuple.to_port, tuple.from_port };
		bpf_map_delete_elem(&connections, &answer);
	} else
		write(skb, &tuple, change);
	return TC_ACT_UNSPEC;
}
