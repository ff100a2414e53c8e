//! Comparison by tolerance: groups of close values, their references, liars, and what cannot be compared.

use super::check;

#[test]
fn two_close_values_are_a_quorum_and_the_first_one_is_the_result() {
    check(
        "> submit quorum=2 1 compare=tolerance
         > offer n1 n2
         assign n1 Policy 0/0
         assign n2 Policy 0/1
         > n2 0/1=b
         > n1 0/0=a
         compare 0/1~0
         > chunk 0
         undecided after 2 replica(s): results are being compared
         > explain
         nothing waits; 0 replica(s) are running, 1 pair(s) of results are being compared
         > compare 0/1~0=close
         chunk 0 winner 1 0:n1=Accepted 1:n2=Accepted
         reduce
         > chunk 0
         accepted the value of attempt 1: 0101010101, 0202020202 agreed, nobody contradicted; compared by tolerance:1e-5,1e-6, largest difference 2.5e-7 of the largest element",
    );
}

#[test]
fn the_same_bytes_need_no_comparison() {
    check(
        "> submit quorum=3 1 compare=tolerance
         > offer n1 n2 n3
         assign n1 Policy 0/0
         assign n2 Policy 0/1
         assign n3 Policy 0/2
         > n1 0/0=a
         > n2 0/1=b
         compare 0/0~1
         > compare 0/0~1=close
         > n3 0/2=b
         chunk 0 winner 0 0:n1=Accepted 1:n2=Accepted 2:n3=Accepted
         reduce",
    );
}

#[test]
fn a_liar_outside_of_the_tolerance_is_outvoted_and_distrusted() {
    check(
        "> submit quorum=2 1 compare=tolerance
         > offer n1 n2 n3
         assign n1 Policy 0/0
         assign n2 Policy 0/1
         > n1 0/0=lie
         > n2 0/1=a
         compare 0/0~1
         > compare 0/0~1=apart
         assign n3 Escalation 0/2
         > n3 0/2=b
         compare 0/0~2 0/1~2
         > compare 0/0~2=apart
         > compare 0/1~2=close
         chunk 0 winner 1 0:n1=Wrong 1:n2=Accepted 2:n3=Accepted
         distrust n1 chunk 0
         reduce",
    );
}

#[test]
fn one_value_is_compared_after_the_other() {
    // The third waits until it is known whether the second is a reference too.
    check(
        "> submit quorum=3 1 compare=tolerance
         > offer n1 n2 n3
         assign n1 Policy 0/0
         assign n2 Policy 0/1
         assign n3 Policy 0/2
         > n1 0/0=a
         > n2 0/1=b
         compare 0/0~1
         > n3 0/2=c
         > compare 0/0~1=apart
         compare 0/0~2 0/1~2
         > compare 0/1~2=close 0/0~2=apart
         > chunk 0
         undecided after 3 replica(s); compared by tolerance:1e-5,1e-6, largest difference 2.5e-7 of the largest element
         > offer n1 n2 n3 n4
         assign n4 Escalation 0/3
         > n4 0/3=c
         chunk 0 winner 1 0:n1=Wrong 1:n2=Accepted 2:n3=Accepted 3:n4=Accepted
         distrust n1 chunk 0
         reduce",
    );
}

#[test]
fn what_could_not_be_compared_is_no_lie() {
    check(
        "> submit quorum=2 1 compare=tolerance
         > offer n1 n2 n3
         assign n1 Policy 0/0
         assign n2 Policy 0/1
         > n1 0/0=a
         > n2 0/1=b
         compare 0/0~1
         > compare 0/0~1=too_large
         assign n3 Escalation 0/2
         > n3 0/2=c
         compare 0/0~2 0/1~2
         > compare 0/0~2=too_large 0/1~2=close
         chunk 0 winner 1 0:n1=Undecided 1:n2=Accepted 2:n3=Accepted
         reduce
         > chunk 0
         accepted the value of attempt 1: 0202020202, 0303030303 agreed, nobody contradicted; compared by tolerance:1e-5,1e-6, largest difference 2.5e-7 of the largest element; results could not be compared (too large)",
    );
}

#[test]
fn a_value_close_to_two_references_is_right_by_either() {
    // It joined the first one, which could not be compared with the second; the second one wins.
    check(
        "> submit quorum=3 1 compare=tolerance
         > offer n1 n2 n3
         assign n1 Policy 0/0
         assign n2 Policy 0/1
         assign n3 Policy 0/2
         > n1 0/0=a
         > n2 0/1=b
         compare 0/0~1
         > compare 0/0~1=too_large
         > n3 0/2=c
         compare 0/0~2 0/1~2
         > compare 0/0~2=close 0/1~2=close
         > offer n1 n2 n3 n4 n5
         assign n4 Escalation 0/3
         > n4 0/3=b
         assign n5 Escalation 0/4
         > n5 0/4=b
         chunk 0 winner 1 0:n1=Undecided 1:n2=Accepted 2:n3=Accepted 3:n4=Accepted 4:n5=Accepted
         reduce",
    );
}

#[test]
fn errors_are_compared_exactly() {
    check(
        "> submit quorum=2 1 compare=tolerance
         > offer n1 n2 n3
         assign n1 Policy 0/0
         assign n2 Policy 0/1
         > n1 0/0=E:bad_row
         > n2 0/1=a
         assign n3 Escalation 0/2
         > n3 0/2=E:bad_row
         chunk 0 winner 0 0:n1=Accepted 1:n2=Wrong 2:n3=Accepted
         distrust n2 chunk 0
         failed: 1 of 1 chunks failed; the most frequent error (1x): bad row",
    );
}

#[test]
fn one_replica_is_compared_with_nothing() {
    check(
        "> submit none 1 compare=tolerance
         > offer n1
         assign n1 Policy 0/0
         > n1 0/0=a
         chunk 0 winner 0 0:n1=Accepted
         reduce",
    );
    // What the job's check looks at is not compared, until the check cannot be done.
    check(
        "> submit check 1 compare=tolerance
         > offer n1 n2
         assign n1 Policy 0/0
         > n1 0/0=a
         check 0/0
         > check 0/0=out_of_fuel
         assign n2 Policy 0/1
         > n2 0/1=b
         compare 0/0~1
         > compare 0/0~1=close
         chunk 0 winner 0 0:n1=Accepted 1:n2=Accepted
         reduce",
    );
}

#[test]
fn a_restart_asks_again_and_keeps_what_was_answered() {
    check(
        "> submit quorum=2 2 compare=tolerance
         > offer n1,slots=8 n2,slots=8
         assign n1 Policy 0/0 1/0
         assign n2 Policy 0/1 1/1
         > n1 0/0=a 1/0=a
         > n2 0/1=b 1/1=b
         compare 0/0~1 1/0~1
         > compare 0/0~1=apart
         > restart
         > plan
         compare 1/0~1
         > compare 1/0~1=close
         chunk 1 winner 0 0:n1=Accepted 1:n2=Accepted
         > compare 1/0~1=close
         ignored 1/1: the chunk was decided before this result came
         > offer n1 n2 n3
         assign n3 Escalation 0/2
         > n3 0/2=c
         compare 0/0~2 0/1~2
         > compare 0/0~2=close
         chunk 0 winner 0 0:n1=Accepted 1:n2=Wrong 2:n3=Accepted
         distrust n2 chunk 0
         reduce",
    );
}

#[test]
fn answers_that_do_not_fit_change_nothing() {
    check(
        "> submit quorum=2 1 compare=tolerance
         > offer n1 n2
         assign n1 Policy 0/0
         assign n2 Policy 0/1
         > compare 0/0~1=close
         ignored 0/1: the task is not in a state that waits for this
         > n1 0/0=a
         > compare 0/0~0=close 0/1~0=close 0/9~0=close 7/0~1=close 0/0~7=close
         ignored 0/0 0/0 0/0: the task is not in a state that waits for this
         ignored 7/1: the task has no such chunk
         ignored 0/7: the chunk has no such attempt
         > n2 0/1=b
         compare 0/0~1
         > compare 0/0~1=apart 0/0~1=close
         ignored 0/1: this replica has a result already
         > compare 0/0~1=close
         ignored 0/1: this replica has a result already",
    );
    check(
        "> submit quorum=2 1
         > offer n1 n2
         assign n1 Policy 0/0
         assign n2 Policy 0/1
         > n1 0/0=a
         > n2 0/1=b
         > compare 0/0~1=close
         ignored 0/1: the task is not in a state that waits for this",
    );
}

#[test]
fn fast_floats_run_where_they_are_offered() {
    check(
        "> submit none 1 class=fast
         > offer n1 n2
         > explain
         1 chunk(s) wait; 1 of them: no node offers float class fast
         1 chunk(s) from 0, 1 missing: no node offers float class fast
         - n1: it does not offer float class fast; submit with --float-class exact, or connect nodes that offer float class fast (`p2pjob peers` says which)
         - n2: it does not offer float class fast; submit with --float-class exact, or connect nodes that offer float class fast (`p2pjob peers` says which)
         > offer n1 n2,fast=cpu
         assign n2 Policy 0/0",
    );
    check(
        "> submit none 1 class=fast gpu
         > offer n1,fast=cpu
         > explain
         1 chunk(s) wait; 1 of them: no node offers a GPU
         1 chunk(s) from 0, 1 missing: no node offers a GPU
         - n1: it offers no GPU; submit without --gpu, or connect nodes that offer a GPU (`p2pjob peers` says which)
         > offer n1,fast=cpu n2,fast=gpu
         assign n2 Policy 0/0",
    );
}
