use serde_json::json;

use super::{Dashboard, Query};

fn with(expressions: &[&str]) -> String {
    let targets: Vec<_> = expressions.iter().map(|expr| json!({ "expr": expr, "legendFormat": "{{le}}" })).collect();
    json!({
        "title": "Whole",
        "templating": { "list": [
            { "name": "datasource", "type": "datasource" },
            { "name": "job", "type": "query", "includeAll": true },
            { "name": "pod", "type": "query", "includeAll": true, "allValue": ".+" },
            { "name": "quantile", "type": "custom", "current": { "value": "0.99" } },
        ] },
        "panels": [
            { "type": "row", "title": "Folded", "panels": [
                { "type": "stat", "title": "Inside", "targets": targets,
                  "fieldConfig": { "defaults": { "unit": "s", "noValue": "none" } } },
            ] },
            { "type": "text", "title": "Words" },
        ],
    })
    .to_string()
}

#[test]
fn a_panel_asks_for_everything_whichever_way_its_variables_are_spelled() {
    let asks = r#"a{job=~"$job", pod=~"${pod:regex}", x!~"y$"}[$__rate_interval] > ${quantile}"#;
    let dashboard = Dashboard::read("one", &with(&[asks]), "15s").unwrap();
    let [panel] = dashboard.panels.as_slice() else { panic!("one panel asks something: {dashboard:?}") };
    assert_eq!((panel.title.as_str(), panel.unit.as_str(), panel.when_empty.as_deref()), ("Inside", "s", Some("none")));
    let expression = r#"a{job=~".*", pod=~".+", x!~"y$"}[15s] > 0.99"#.to_owned();
    assert_eq!(panel.queries, [Query { expression, legend: "{{le}}".to_owned() }]);
}

#[test]
fn what_cannot_be_read_whole_is_refused() {
    for (expression, because) in [
        ("a[$interval]", "nobody declares the variable $interval"),
        ("a{b=\"${job\"}[1m", "nobody declares the variable"),
        ("a{b=\"${job\"", "does not end"),
        ("", "it asks nothing"),
    ] {
        let refused = Dashboard::read("one", &with(&[expression]), "15s").expect_err(expression);
        assert!(format!("{refused:#}").contains(because), "{refused:#}");
    }
    assert!(Dashboard::read("one", &with(&[]), "15s").is_err(), "a dashboard without a panel that asks");
}
