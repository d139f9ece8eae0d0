//! Every argument that the chart gives to a program is one that the program takes.

use testbed::binary;

use crate::helm::{Place, Values, output, pods};

/// What can be set beside what the sets of values set.
const MORE: [&str; 8] = [
    "dev=true",
    "edge.corsOrigins={https://other.example}",
    "nats.installation=blue",
    "nats.monitorUrls={http://nats-headless.nats:8222}",
    "operator.logFilter=debug",
    "keys.sessionKeys={next,session}",
    "ledger.payment.keys={next,payment}",
    "ledger.extraArgs={--admin-addr=0.0.0.0:9090}",
];

/// Whether a program takes these. Asked for help at the end, it looks at everything before and starts nothing.
async fn takes(program: &str, arguments: &[String]) -> anyhow::Result<()> {
    let mut command = tokio::process::Command::new(binary(program)?);
    command.env_clear().args(arguments).arg("--help");
    output(command, program, "").await.map(drop)
}

#[tokio::test]
async fn every_program_takes_the_arguments_that_the_chart_gives_it() -> anyhow::Result<()> {
    let mut seen = 0;
    for (values, further) in
        Values::ALL.map(|values| (values, &[][..])).into_iter().chain([(Values::Production, &MORE[..])])
    {
        for (name, pod) in pods(&Place::imagined().render(values, further).await?) {
            let spec = &pod["spec"];
            let first = spec["initContainers"].as_array().into_iter().flatten();
            for container in first.chain(spec["containers"].as_array().unwrap()) {
                let image = container["image"].as_str().unwrap();
                let program = ["sluice-operator", "sluice-edge", "sluice-ledger"];
                let program = program.into_iter().find(|program| image.contains(program)).unwrap();
                let arguments =
                    container["args"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned());
                let arguments: Vec<_> = arguments.collect();
                if let Err(refused) = takes(program, &arguments).await {
                    panic!("{name} with {values:?}: {refused:#}");
                }
                seen += 1;
            }
        }
    }
    assert!(seen >= 20, "only {seen} containers were looked at");
    Ok(())
}

#[tokio::test]
async fn a_wrong_argument_would_be_seen() -> anyhow::Result<()> {
    let unknown = ["run".to_owned(), "--sell-everything".to_owned()];
    assert!(takes("sluice-operator", &unknown).await.is_err());
    let bad = ["run".to_owned(), "--viewers-max=none".to_owned()];
    assert!(takes("sluice-edge", &bad).await.is_err());
    Ok(())
}
