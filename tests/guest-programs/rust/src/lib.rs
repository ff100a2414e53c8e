//! Fails in the way its body names, as safe Rust code fails.

mod tensors;

wit_bindgen::generate!({ world: "job", path: "../../../guest-sdk/wit" });

struct Faults;

impl Guest for Faults {
    fn describe() -> String {
        r#"{"name":"rust-faults","version":"0.1.0","params_schema":{}}"#.to_owned()
    }

    fn plan(_: Vec<u8>, _: Vec<InputInfo>, _: PlanHint) -> Result<Vec<Chunk>, String> {
        Ok(vec![Chunk {
            body: b"panic".to_vec(),
            slices: Vec::new(),
            weight: 1,
        }])
    }

    fn run(body: Vec<u8>) -> Result<(), String> {
        use p2pjob::job::log;
        std::panic::set_hook(Box::new(|panic| log::write(log::Level::Error, &panic.to_string())));
        let text = String::from_utf8(body).map_err(|error| error.to_string())?;
        match text.strip_prefix("tensors ") {
            Some(case) => tensors::run(case),
            None => fail(&text),
        }
        Ok(())
    }

    fn reduce(params: Vec<u8>) -> Result<(), String> {
        if let Some(case) = params.strip_prefix(b"tensors ") {
            tensors::run(&String::from_utf8_lossy(case));
        }
        Ok(())
    }
}

#[inline(never)]
fn fail(how: &str) {
    match how {
        "panic" => panic!("the {how} that was asked for"),
        "index" => drop(std::hint::black_box(vec![1u8, 2, 3])[how.len()]),
        "recursion" => drop(deeper(&mut Vec::new(), 0)),
        "memory" => fill(),
        "metrics" => report(),
        _ => {}
    }
}

/// Keeps something on each frame, so that it cannot become a loop. Has no end within any stack.
#[inline(never)]
fn deeper(seen: &mut Vec<u32>, depth: u32) -> u32 {
    let here = std::hint::black_box([depth; 16]);
    if here[0] == u32::MAX {
        return 0;
    }
    seen.truncate(4);
    seen.push(here[3]);
    deeper(seen, depth + 1).wrapping_add(here[(depth % 16) as usize])
}

/// Numbers within the rules, and some that break each of them.
fn report() {
    use p2pjob::job::metrics::{counter_add, gauge_set, observe};
    counter_add("rows", 2.0);
    counter_add("rows", 3.0);
    gauge_set("depth", 1.0);
    gauge_set("depth", -4.0);
    observe("bytes", 10.0);
    observe("bytes", 30.0);
    counter_add("rows", -1.0);
    counter_add("Rows", 1.0);
    gauge_set("rows", 1.0);
    observe("bytes", f64::NAN);
    counter_add(&"a".repeat(65), 1.0);
    for number in 0..40 {
        counter_add(&format!("n{number}"), 1.0);
    }
}

fn fill() {
    let mut kept = Vec::new();
    loop {
        kept.push(std::hint::black_box(vec![1u8; 1 << 20]));
    }
}

export!(Faults);
