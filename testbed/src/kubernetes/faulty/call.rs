//! A request to an API server, named as the rules of access (RBAC) name it.

use std::fmt;

/// Who asks what of which resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `get`, `list`, `watch`, `create`, `update`, `patch` or `delete`.
    pub verb: &'static str,
    /// `leases`, or with its subresource `flashsales/status`; for what is no resource, its path.
    pub resource: String,
    /// Where; empty for what lies in no namespace.
    pub namespace: String,
    /// Which one; empty when all are asked for, or one is made.
    pub name: String,
    /// Most that are asked for at once.
    pub limit: Option<u32>,
}

impl Call {
    /// Reads a request line.
    pub(super) fn of(method: &str, path: &str, query: Option<&str>) -> Self {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let rest = match segments.as_slice() {
            ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] if !rest.is_empty() => rest,
            _ => &[path],
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !matches!(rest, [] | ["status" | "finalize"]) => (*namespace, rest),
            _ => ("", rest),
        };
        let name = rest.get(1).copied().unwrap_or_default();
        let resource = match rest {
            [resource, _, subresource, ..] => format!("{resource}/{subresource}"),
            [resource, ..] => (*resource).to_owned(),
            [] => String::new(),
        };
        let mut pairs = query.unwrap_or_default().split('&');
        let limit = pairs.clone().find_map(|pair| pair.strip_prefix("limit=")?.parse().ok());
        let watches = pairs.any(|pair| matches!(pair, "watch=true" | "watch=1"));
        let verb = match method {
            "GET" if watches => "watch",
            "GET" if name.is_empty() => "list",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ => "get",
        };
        Self { verb, resource, namespace: namespace.to_owned(), name: name.to_owned(), limit }
    }

    /// Whether it is this verb on this resource, its subresource included: `("patch", "flashsales/status")`.
    #[must_use]
    pub fn is(&self, verb: &str, resource: &str) -> bool {
        self.verb == verb && self.resource == resource
    }

    /// Whether it may change something.
    #[must_use]
    pub fn writes(&self) -> bool {
        !matches!(self.verb, "get" | "list" | "watch")
    }
}

impl fmt::Display for Call {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, resource, namespace, name, .. } = self;
        write!(out, "{verb} {resource} {namespace}/{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::Call;

    #[test]
    fn a_request_is_named_as_the_rules_of_access_name_it() {
        let sales = "/apis/sluice.dev/v1alpha1/namespaces/shop/flashsales";
        let cases = [
            ("GET", sales, None, "list flashsales shop/"),
            ("GET", sales, Some("limit=5&watch=true&resourceVersion=7"), "watch flashsales shop/"),
            ("GET", "/apis/sluice.dev/v1alpha1/namespaces/shop/flashsales/a", None, "get flashsales shop/a"),
            ("PATCH", "/apis/g/v1/namespaces/shop/flashsales/a/status", None, "patch flashsales/status shop/a"),
            ("PUT", "/apis/coordination.k8s.io/v1/namespaces/shop/leases/l", None, "update leases shop/l"),
            ("POST", "/apis/events.k8s.io/v1/namespaces/shop/events", None, "create events shop/"),
            ("POST", "/api/v1/namespaces", None, "create namespaces /"),
            ("DELETE", "/api/v1/namespaces/shop", None, "delete namespaces /shop"),
            ("PUT", "/api/v1/namespaces/shop/finalize", None, "update namespaces/finalize /shop"),
            ("GET", "/readyz", None, "list /readyz /"),
        ];
        for (method, path, query, named) in cases {
            assert_eq!(Call::of(method, path, query).to_string(), named);
        }
    }
}
