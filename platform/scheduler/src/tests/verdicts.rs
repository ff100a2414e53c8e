//! Verification: who is believed, who is asked next, who is a liar.

use super::check;

#[test]
fn no_verification_believes_the_first() {
    check(
        "> submit none 2
         > offer n1
         assign n1 Policy 0/0 1/0
         > n1 0/0=a
         chunk 0 winner 0 0:n1=Accepted
         > n1 1/0=b
         chunk 1 winner 0 0:n1=Accepted
         reduce
         > reduced
         completed
         > state
         Completed total=2 accepted=2 failed=0 recalled=0 running=0 waiting=0 spent=0 held=20",
    );
}

#[test]
fn quorum_wants_equal_votes_of_distinct_nodes() {
    check(
        "> submit quorum=2 1
         > offer n1 n2 n3
         assign n1 Policy 0/0
         assign n2 Policy 0/1
         > n1 0/0=a
         > n2 0/1=a
         chunk 0 winner 0 0:n1=Accepted 1:n2=Accepted
         reduce
         > chunk 0
         accepted the value of attempt 0: 0101010101, 0202020202 agreed, nobody contradicted",
    );
}

#[test]
fn a_disagreement_is_escalated_and_the_liar_named() {
    check(
        "> submit quorum=2 1
         > offer n1 n2 n3
         assign n1 Policy 0/0
         assign n2 Policy 0/1
         > n1 0/0=lie
         > n2 0/1=a
         assign n3 Escalation 0/2
         > n3 0/2=a
         chunk 0 winner 1 0:n1=Wrong 1:n2=Accepted 2:n3=Accepted
         distrust n1 chunk 0
         reduce",
    );
}

#[test]
fn a_liar_loses_its_running_replicas_and_gets_no_more() {
    check(
        "> submit quorum=2 2
         > offer n1 n2 n3
         assign n1 Policy 0/0 1/0
         assign n2 Policy 0/1
         assign n3 Policy 1/1
         > n1 0/0=lie
         > n2 0/1=a
         assign n3 Escalation 0/2
         > n3 0/2=a
         chunk 0 winner 1 0:n1=Wrong 1:n2=Accepted 2:n3=Accepted
         distrust n1 chunk 0
         lost n1 1/0: not needed any more
         cancel n1 1/0
         assign n2 Retry 1/2
         > n1 1/0=a
         ignored 1/0: this replica was not running
         > n3 1/1=b
         > n2 1/2=b
         chunk 1 winner 1 1:n3=Accepted 2:n2=Accepted
         reduce
         > t2 submit none 1
         > t2 offer n1
         > t2 explain
         1 chunk(s) wait; 1 of them: needs 1 more distinct node
         1 chunk(s) from 0, 1 missing: needs 1 more distinct node
         - n1: it is distrusted: its result of chunk 0 of task 0101010101 was found wrong; it gets no more work from this node; use other nodes",
    );
}

#[test]
fn votes_of_a_known_liar_do_not_count_on_open_chunks() {
    check(
        "> submit quorum=2 2
         > offer n1
         assign n1 Policy 0/0 1/0
         > n1 0/0=lie 1/0=lie
         > offer n1 n2 n3
         assign n2 Policy 0/1
         assign n3 Policy 1/1
         > n2 0/1=a
         assign n3 Escalation 0/2
         > n3 0/2=a
         chunk 0 winner 1 0:n1=Wrong 1:n2=Accepted 2:n3=Accepted
         distrust n1 chunk 0
         assign n2 Policy 1/2
         > n3 1/1=b
         > n2 1/2=b
         chunk 1 winner 1 0:n1=Wrong 1:n3=Accepted 2:n2=Accepted
         reduce",
    );
}

#[test]
fn one_against_one_is_no_majority() {
    check(
        "> submit quorum=2 1
         > offer n1 n2
         assign n1 Policy 0/0
         assign n2 Policy 0/1
         > n1 0/0=a
         > n2 0/1=b
         > explain
         1 chunk(s) wait; 1 of them: needs 1 more distinct node
         1 chunk(s) from 0, 1 missing: needs 1 more distinct node
         - n1: it already has a replica of the chunk, and the replicas of a chunk must run on distinct nodes; connect another node
         - n2: it already has a replica of the chunk, and the replicas of a chunk must run on distinct nodes; connect another node
         > chunk 0
         undecided after 2 replica(s)",
    );
}

#[test]
fn a_certain_spot_check_asks_for_a_second_opinion_after_the_first() {
    check(
        "> submit spot=1 1
         > offer n1 n2 n3
         assign n1 Policy 0/0
         > n1 0/0=lie
         assign n2 Spot 0/1
         > n2 0/1=a
         assign n3 Escalation 0/2
         > n3 0/2=a
         chunk 0 winner 1 0:n1=Wrong 1:n2=Accepted 2:n3=Accepted
         distrust n1 chunk 0
         reduce",
    );
    check(
        "> submit spot=0 1
         > offer n1 n2
         assign n1 Policy 0/0
         > n1 0/0=a
         chunk 0 winner 0 0:n1=Accepted
         reduce",
    );
}

#[test]
fn agreed_errors_fail_the_task_after_all_chunks_ran() {
    check(
        "> submit none 4
         > offer n1
         assign n1 Policy 0/0 1/0 2/0 3/0
         > n1 0/0=E:bad_row_17 1/0=a 2/0=E:bad_row_4
         chunk 0 winner 0 0:n1=Accepted; chunk 1 winner 0 0:n1=Accepted; chunk 2 winner 0 0:n1=Accepted
         > state
         Running total=4 accepted=1 failed=2 recalled=0 running=1 waiting=0 spent=0 held=40
         error x2 from chunks [0, 2]: bad row 17
         > n1 3/0=E:other
         chunk 3 winner 0 0:n1=Accepted
         failed: 3 of 4 chunks failed; the most frequent error (2x): bad row 17",
    );
}

#[test]
fn recalled_chunks_are_not_run() {
    check(
        "> submit quorum=2 2
         > recall 1=x 1=x 7=y
         recalled 1
         > offer n1 n2
         assign n1 Policy 0/0
         assign n2 Policy 0/1
         > recall 0=z
         recalled 1
         lost n1 0/0: not needed any more
         cancel n1 0/0
         lost n2 0/1: not needed any more
         cancel n2 0/1
         reduce
         > state
         Running total=2 accepted=0 failed=0 recalled=2 running=0 waiting=0 spent=0 held=0",
    );
}
