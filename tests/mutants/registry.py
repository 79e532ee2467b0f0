"""Guards, each with the change that takes it away and the tests that must notice.

A change is one exact piece of one file and what takes its place. Who rewrites a guard rewrites its line here: a
contract test says so as soon as a piece is no longer found.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """The product without one guard."""

    name: str
    #: What it lets happen that the guard prevents.
    harm: str
    file: str
    #: Found exactly once in the file.
    guard: str
    instead: str
    #: As pytest names them; at least one of them must fail.
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        name="workspace policy",
        harm="a workspace's administrators see and change the members of every other one",
        file="services/tenancy/migrations/0002_membership.sql",
        guard="""CREATE POLICY membership_runtime_context ON membership AS RESTRICTIVE TO tenancy_runtime
    USING (workspace_id = ANY ((SELECT context_workspaces())::uuid[]));
""",
        instead="""CREATE POLICY membership_runtime_context ON membership AS RESTRICTIVE TO tenancy_runtime
    USING (true);
""",
        tests=(
            "tests/security/test_tenancy_isolation.py::test_another_workspaces_rows_can_be_neither_read_nor_written",
        ),
    ),
    Mutant(
        name="log policy",
        harm="the entries of one workspace are read in the context of another",
        file="services/audit/migrations/0002_entry.sql",
        guard="""CREATE POLICY entry_runtime_context ON entry AS RESTRICTIVE TO audit_runtime
    USING (log_id = ANY ((SELECT context_workspaces())::uuid[]));
""",
        instead="""CREATE POLICY entry_runtime_context ON entry AS RESTRICTIVE TO audit_runtime
    USING (true);
""",
        tests=("tests/integration/audit/test_isolation.py::test_no_context_sees_another_log",),
    ),
    Mutant(
        name="refresh counter, as judged",
        harm="a refresh token that was used up is good for ever, and its theft is never noticed",
        file="services/session/domain/grant.py",
        guard="""        if counter < self.counter and not in_grace:
            raise RefreshReused
""",
        instead="",
        tests=(
            "tests/unit/session/test_grant.py",
            "tests/integration/session/test_refresh.py::test_an_older_one_ends_the_session_at_once",
        ),
    ),
    Mutant(
        name="refresh counter, as written",
        harm="two processes make two successors of one refresh token",
        file="services/session/migrations/0007_pace.sql",
        guard="        AND g.counter = a.counter AND g.grace_uses = a.grace_uses AND g.ended_at IS NULL\n",
        instead="        AND g.ended_at IS NULL\n",
        tests=("tests/integration/session/test_locks.py::test_a_rotation_of_a_grant_that_has_moved_does_not_apply",),
    ),
    Mutant(
        name="refresh of an ended session",
        harm="a refresh that was decided before a revocation commits after its acknowledgement",
        file="services/session/migrations/0007_pace.sql",
        guard="        AND s.subject_id = g.subject_id AND s.session_id = g.session_id AND s.ended_at IS NULL\n",
        instead="        AND s.subject_id = g.subject_id AND s.session_id = g.session_id\n",
        tests=(
            "tests/integration/session/test_locks.py::test_a_rotation_decided_before_the_end_does_not_apply_after_it",
            "tests/integration/session/test_locks.py::test_a_rotation_that_waits_for_an_end_sees_it",
        ),
    ),
    Mutant(
        name="MAC of the refresh token",
        harm="who knows a subject and a grant makes their refresh token",
        file="services/session/domain/refresh_token.py",
        guard="""        if not hmac.compare_digest(self._mac(token.key_version, seed, body), token.mac):
            raise RefreshInvalid
""",
        instead="        self._mac(token.key_version, seed, body)\n",
        tests=("tests/unit/session/test_refresh_token.py", "tests/security/test_refresh.py"),
    ),
    Mutant(
        name="single use of the ticket",
        harm="one authentication begins several sessions",
        file="services/identity/store/ticket.py",
        guard="""                AND t.browser_binding = $3 AND t.expires_at > $5
                AND (t.redemption_id IS NULL OR t.redemption_id = $4)
""",
        instead="""                AND t.browser_binding = $3 AND t.expires_at > $5
""",
        tests=(
            "tests/integration/identity/test_ticket.py::test_another_redemption_is_refused",
            "tests/integration/identity/test_ticket.py::test_of_twenty_redemptions_at_once_one_wins",
        ),
    ),
    Mutant(
        name="compare-and-set of the cursor",
        harm="two consumers take the same events in, each thinking it was alone",
        file="libs/events/cursors.py",
        guard="""WHERE cursor.source = move.source AND cursor.bucket = move.bucket
    AND cursor.generation = move.was_generation AND cursor.next = move.was_next
""",
        instead="""WHERE cursor.source = move.source AND cursor.bucket = move.bucket
""",
        tests=("tests/integration/events/test_intake.py::test_a_cursor_that_stands_elsewhere_stops_the_transaction",),
    ),
    Mutant(
        name="compare-and-set of the tree",
        harm="two appends give one number to two entries",
        file="services/audit/store/log.py",
        guard="WHERE tree_head.log_id = grown.log_id AND tree_head.size = grown.was\n",
        instead="WHERE tree_head.log_id = grown.log_id\n",
        tests=("tests/integration/audit/test_intake.py::test_a_tree_that_moved_stops_the_transaction",),
    ),
    Mutant(
        name="release of held-back logs",
        harm="a checkpoint covers entries that are gone, and that no segment holds",
        file="services/audit/store/log.py",
        guard="    AND log_id NOT IN (SELECT log_id FROM segment_held)\n",
        instead="",
        tests=("tests/integration/audit/test_segment_held.py::test_a_damaged_log_is_held_back_alone_and_comes_back",),
    ),
    Mutant(
        name="present key of the logs",
        harm="a process with a key that is over signs on, and nothing that shows it enters the platform log in time",
        file="services/audit/commands/checkpoint.py",
        guard="if not await work.keys.is_present(self._signer.signer.key):",
        instead="if False:",
        tests=("tests/integration/audit/test_key.py::test_an_old_process_signs_nothing_any_more",),
    ),
    Mutant(
        name="place of what a retired key signed",
        harm="whoever has stolen a key that was retired since signs any history, and it is believed",
        file="libs/sdk/wardenry/log/anchor.py",
        guard="""    if by is not None and anchor.index >= by.platform_size:
        raise AnchorInvalid("its key was retired before it entered the platform log")
""",
        instead="",
        tests=("tests/unit/log/test_vectors.py::test_log_keys",),
    ),
    Mutant(
        name="MAC of the event",
        harm="whoever can write to the broker writes the log",
        file="libs/events/record.py",
        guard="""        if hmac.compare_digest(mac_of(record, key), mac):
            return record
""",
        instead="""        return record
""",
        tests=("tests/unit/events/test_record.py",),
    ),
    Mutant(
        name="acknowledgement, validators",
        harm="a sign-out is acknowledged while services still serve the session's token",
        file="libs/feed/reader.py",
        guard="                await delivered.round.known()\n",
        instead="                await asyncio.sleep(0)\n",
        tests=("tests/integration/session/test_acknowledgement.py::test_who_confirms_is_waited_for",),
    ),
    Mutant(
        name="acknowledgement, reads under way",
        harm="the same, when a read that began before the commit ends after it",
        file="libs/feed/reader.py",
        guard="        waiting, self._waiting = self._waiting, []\n",
        instead="        waiting = self._waiting\n",
        tests=("tests/integration/feed/test_reader.py::test_a_read_under_way_serves_nobody_who_comes_during_it",),
    ),
    Mutant(
        name="acknowledgement, other processes",
        harm="the same, to services that follow another replica",
        file="libs/feed/reader.py",
        guard="while not all(each.sees(transaction) for each in others for transaction in awaited):",
        instead="while False:",
        tests=(
            "tests/integration/session/test_acknowledgement.py::test_who_confirms_to_another_process_is_waited_for",
            "tests/integration/session/test_acknowledgement.py::test_the_validators_of_a_killed_process_are_waited_for",
        ),
    ),
    Mutant(
        name="lease",
        harm="a validator whose feed has died takes revoked tokens for good",
        file="libs/sdk/wardenry/lease.py",
        guard="        return at - self._since < self._longest\n",
        instead="        return True\n",
        tests=("tests/unit/wardenry/test_verifier.py",),
    ),
    Mutant(
        name="one name in a certificate",
        harm="a certificate with several names passes as the first of them",
        file="libs/rpc/peer_identity.py",
        guard="    if len(names) != 1:\n",
        instead="    if not names:\n",
        tests=("tests/integration/rpc/test_server.py::test_a_certificate_has_exactly_one_name",),
    ),
    Mutant(
        name="peers of an RPC",
        harm="every service may call everything",
        file="libs/rpc/rules.py",
        guard="        return peer in self.peers or ANY_PEER in self.peers\n",
        instead="        return True\n",
        tests=("tests/integration/rpc/test_server.py::test_a_peer_that_the_rule_does_not_name_is_refused",),
    ),
    Mutant(
        name="limit class",
        harm="who does not come through the gateway calls a service as often as it likes",
        file="libs/rpc/interceptor.py",
        guard="""                if limit is not None:
                    await count(limit, call)
""",
        instead="",
        tests=(
            "tests/integration/rpc/test_limits.py::test_beyond_the_rate_a_session_is_refused_and_no_other",
            "tests/integration/rpc/test_limits.py::test_who_holds_no_token_is_counted_by_network",
        ),
    ),
    Mutant(
        name="name of the server",
        harm="any service of the deployment can stand in for any other",
        file="libs/sdk/wardenry/channels.py",
        guard="""        ("grpc.ssl_target_name_override", peer),
        ("grpc.default_authority", peer),
""",
        instead="""        ("grpc.ssl_target_name_override", "tenancy"),
        ("grpc.default_authority", peer),
""",
        tests=("tests/integration/rpc/test_server.py::test_the_client_takes_no_other_name_than_its_peers",),
    ),
    Mutant(
        name="the first operator, once",
        harm="whoever holds the operator's key makes another owner of the platform beside the one that there is",
        file="services/tenancy/store/invitation.py",
        guard=" WHERE NOT EXISTS (SELECT FROM membership WHERE workspace_id = $1)\n",
        instead="",
        tests=("tests/integration/tenancy/test_platform.py::test_each_statement_looks_for_itself",),
    ),
    Mutant(
        name="the right to invite, as it acts",
        harm="who is removed while an invitation's key is made invites somebody all the same",
        file="services/tenancy/commands/invitation.py",
        guard="            actor = await self._inviter(work, insider, role)\n",
        instead="""            roster = await work.memberships.roster(insider.workspace, [insider.caller.subject])
            actor = roster.former(insider.caller.subject)
""",
        tests=(
            "tests/integration/tenancy/test_invitation.py::test_who_loses_the_right_to_invite_meanwhile_invites_nobody",
        ),
    ),
    Mutant(
        name="the right to invite again, as it acts",
        harm="who is removed while an invitation's key is made ends another's invitation, and sends one in its place",
        file="services/tenancy/commands/invitation.py",
        guard="            actor = await self._inviter(work, insider, earlier.role)\n",
        instead="",
        tests=(
            "tests/integration/tenancy/test_invitation.py::test_who_loses_the_right_to_invite_meanwhile_invites_nobody",
        ),
    ),
    Mutant(
        name="origin and token of a call",
        harm="another site's page has a visitor's browser change what is theirs",
        file="services/gateway/api/routing.py",
        guard="""                edge.require_same_origin(visit, request.headers.get("x-csrf-token", ""))
""",
        instead="""                pass
""",
        tests=("tests/unit/gateway/test_routing.py::test_what_another_site_could_send_reaches_no_handler",),
    ),
    Mutant(
        name="parameters that are known",
        harm="a call takes what nobody described, and passes over what a caller meant",
        file="services/gateway/api/routing.py",
        guard="""    query = visit.query(*operation.query)
""",
        instead="""    query = dict(visit.request.query_params)
""",
        tests=("tests/unit/gateway/test_routing.py::test_another_query_is_refused_by_name",),
    ),
    Mutant(
        name="traces begin at the edge",
        harm="visitors decide what is recorded, and put their requests among the spans of others' traces",
        file="services/gateway/edge/tracing.py",
        guard="""if position.sampled else None
        status = 500
""",
        instead="""if position.sampled else None
        position = visitor or position
        status = 500
""",
        tests=("tests/unit/gateway/test_tracing.py::test_a_visitor_neither_forces_a_trace_nor_chooses_it",),
    ),
    Mutant(
        name="routes instead of paths",
        harm="what visitors write into a path reaches whoever reads the traces, and makes a series of each",
        file="services/gateway/edge/tracing.py",
        guard="""route=getattr(scope.get("route"), "path", "")""",
        instead="""route=scope["path"]""",
        tests=("tests/unit/gateway/test_tracing.py::test_a_sampled_request_is_a_span_by_its_route_alone",),
    ),
    Mutant(
        name="position of a sending",
        harm="an event sent again, or by another relay, is another record, and is parked as a conflict",
        file="libs/telemetry/trace_context.py",
        guard="""digest = hashlib.sha256(self.span_id.to_bytes(8, "big") + seed).digest()""",
        instead="""digest = hashlib.sha256(random.randbytes(8) + seed).digest()""",
        tests=("tests/unit/outbox/test_publication.py::test_a_record_is_the_same_whoever_sends_it_and_however_often",),
    ),
    Mutant(
        name="verdict of what was not seen",
        harm="a control is shown as kept while the service that would know is down",
        file="libs/controls/result.py",
        guard="""        elif unknown:
            verdict = Verdict.UNKNOWN
""",
        instead="",
        tests=(
            "tests/unit/controls/test_result.py::test_a_verdict_is_kept_only_where_everything_was_seen_and_is_right",
        ),
    ),
    Mutant(
        name="who refused a handshake",
        harm="an old version of TLS counts as refused because the prober's own library would not speak it",
        file="libs/controls/transport/handshake.py",
        guard="""                return Refused(OLDER)
        return Unclear(f"the client gave up: {reason}")
""",
        instead="""                return Refused(OLDER)
        return Refused(CLOSED)
""",
        tests=(
            "tests/integration/controls/test_transport.py::test_what_the_clients_own_library_refuses_is_no_refusal_by_the_server",
        ),
    ),
    Mutant(
        name="rights of other roles over the log",
        harm="a role that audit does not work under may change entries, and the probe of L3 says that nobody can",
        file="libs/controls/write_once/examination.py",
        guard="        findings += self._others(tables)\n",
        instead="",
        tests=("tests/integration/controls/test_write_once.py::test_a_right_to_change_is_found_and_named",),
    ),
    Mutant(
        name="the role that a service really is",
        harm="a service works as the owner of its tables, and the probe of T2 judges the role that it should be",
        file="libs/controls/row_security/examination.py",
        guard='        found += [Finding(f"role {name}", what) for what in await _about(tx, name)]\n',
        instead="",
        tests=(
            "tests/integration/controls/test_row_security.py::test_a_service_that_logs_in_as_somebody_else_is_found",
        ),
    ),
    Mutant(
        name="a parked record, once",
        harm="two operators at once have an event that failed taken in twice",
        file="libs/events/retry.py",
        guard="""            if await tx.execute(_REMOVE, digest) != "DELETE 1":
                return Outcome.GONE
""",
        instead="""            await tx.execute(_REMOVE, digest)
""",
        tests=(
            "tests/integration/events/test_retry.py::test_two_operators_at_once_and_the_stream_itself_take_each_record_once",
        ),
    ),
    Mutant(
        name="a parked record, told",
        harm="an operator has an event taken in and the platform's log does not say so",
        file="libs/events/retry.py",
        guard="            await self._log.taken(tx, by=by, record=record)\n",
        instead="",
        tests=("tests/integration/events/test_retry.py::test_the_platforms_log_says_who_had_what_taken_in",),
    ),
    Mutant(
        name="policy of parked records",
        harm="a consumer deletes what it set aside as forged or in conflict, and nobody ever looks at it",
        file="libs/events/sql/parking_retry.sql",
        guard="USING (reason = 'failed')",
        instead="USING (true)",
        tests=("tests/integration/events/test_retry.py::test_a_runtime_role_removes_what_failed_and_nothing_else",),
    ),
    Mutant(
        name="a late head of a retired key",
        harm="taking in what failed makes an honest log look forged",
        file="services/audit/commands/late.py",
        guard="if record.action == ANCHOR_ACTION and await self._retired_since(work, record):",
        instead="if False:",
        tests=(
            "tests/integration/audit/test_late.py::test_a_head_is_not_anchored_after_the_end_of_the_key_that_signed_it",
        ),
    ),
    Mutant(
        name="the segment of another history",
        harm="a database that was restored signs another tree of a size that was signed",
        file="services/audit/commands/segment_chain.py",
        guard="""            elif hashed != leaf_hash(entry.leaf):
                return False
""",
        instead="",
        tests=(
            "tests/integration/audit/test_segment.py::test_a_restored_database_releases_nothing_that_contradicts_what_was_released",
        ),
    ),
)
