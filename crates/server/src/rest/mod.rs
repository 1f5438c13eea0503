//! REST: one route for each operation, with the same answers as the live protocol.
//!
//! Path parameters are arguments. The others are in the query of a GET, and in the JSON body of every other method.

mod answer;
mod arguments;
mod body;
mod cors;
mod query;
mod replay;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{RawPathParams, Request, State, rejection::RawPathParamsRejection},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header, request::Parts},
    response::IntoResponse,
    routing::{MethodFilter, MethodRouter},
};
use engine::{Catalog, Description, Kind, Method, Who};
use kernel::{Code, Error};
use serde_json::Value;

use self::arguments::Takes;
pub(crate) use self::{
    arguments::{PAGE, PAGE_SIZE},
    query::ValueType,
};
use crate::{
    Api, Options, Server, authenticate,
    limits::{Limits, RateLimitState},
    openapi,
    problem::Problem,
    request::wrong_method,
};

/// The state that the routes of this surface share.
#[derive(Clone)]
struct Rest {
    api: Api,
    options: Arc<Options>,
    limits: Arc<Limits>,
}

/// An operation, as this surface serves it.
struct Served {
    name: &'static str,
    kind: Kind,
    takes: Takes,
}

/// Returns the routes of all operations, and `/openapi.json`. None where there are no operations.
pub(crate) fn routes(server: &Server, limits: &Arc<Limits>) -> Router<Server> {
    let Some(api) = server.api.clone() else { return Router::new() };
    let catalog = api.operations.catalog();
    let mut router = Router::new();
    for (path, methods) in by_path(catalog) {
        let mut answers = MethodRouter::new();
        for description in methods.into_values() {
            let served = Arc::new(Served::of(description, catalog));
            let handler = move |State(rest): State<Rest>,
                                path: Result<RawPathParams, RawPathParamsRejection>,
                                request: Request| { serve(rest, served, path, request) };
            answers = answers.on(filter(description.route.method), handler);
        }
        router = router.route(path, answers.fallback(wrong_method));
    }
    let document = Bytes::from(openapi::openapi(catalog).to_string());
    let described = move |headers: HeaderMap| async move { answer::json(document, Some(&headers)) };
    router = router.route("/openapi.json", axum::routing::get(described).fallback(wrong_method));
    let rest = Rest { api, options: server.options.clone(), limits: limits.clone() };
    router.layer(axum::middleware::from_fn_with_state(server.options.clone(), cors::allow)).with_state(rest)
}

/// Returns the operations of each path, by method. Where a list and a page share a route, the page is served.
pub(crate) fn by_path(catalog: &Catalog) -> BTreeMap<&'static str, BTreeMap<&'static str, &Description>> {
    let mut paths: BTreeMap<_, BTreeMap<_, &Description>> = BTreeMap::new();
    for operation in catalog.all() {
        let description = &operation.description;
        let methods = paths.entry(description.route.path).or_default();
        let place = methods.entry(description.route.method.as_str()).or_insert(description);
        if description.name.ends_with(":page") {
            *place = description;
        }
    }
    paths
}

fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
    }
}

impl Served {
    fn of(description: &Description, catalog: &Catalog) -> Self {
        Self { name: description.name, kind: description.kind, takes: Takes::of(description, catalog.definitions()) }
    }
}

/// Answers one request. Every answer carries the rate-limit headers, a refusal too.
async fn serve(
    rest: Rest,
    served: Arc<Served>,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let origin = authenticate::address(&rest.options, &head.headers, &head.extensions);
    let (rate_limits, who) = rest.admit(&served, &head.headers, origin).await;
    let answer = match who {
        Ok(who) => rest.answer(&served, &AdmittedRequest { who, origin, head }, path, body).await,
        Err(refused) => Err(refused.into()),
    };
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    rate_limits.write(response.headers_mut());
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// A request whose caller was admitted.
struct AdmittedRequest {
    who: Who,
    origin: Option<IpAddr>,
    head: Parts,
}

impl Rest {
    /// Authenticates the caller, and checks the rate limits.
    async fn admit(
        &self,
        served: &Served,
        headers: &HeaderMap,
        origin: Option<IpAddr>,
    ) -> (RateLimitState, kernel::Result<Who>) {
        match authenticate::who(&self.api, headers, origin).await {
            Ok(who) => {
                let rate_limits = self.limits.call(&who, origin, served.name);
                let who = rate_limits.check().map(|()| who);
                (rate_limits, who)
            }
            Err(refused) => {
                let rate_limits = self.limits.stranger(origin);
                let who = rate_limits.check().and(Err(refused));
                (rate_limits, who)
            }
        }
    }

    async fn answer(
        &self,
        served: &Served,
        request: &AdmittedRequest,
        path: Result<RawPathParams, RawPathParamsRejection>,
        body: Body,
    ) -> Result<Response<Body>, Problem> {
        let path = path.map_err(|_| Error::bad_request("path_malformed", "the path is not UTF-8 text"))?;
        let path: Vec<_> = path.iter().collect();
        let head = &request.head;
        let asked_by_query = head.method == axum::http::Method::GET || head.method == axum::http::Method::HEAD;
        if asked_by_query {
            let arguments = served.takes.read_query(&path, head.uri.query()).map_err(refused)?;
            let output = self.call(served, request, arguments).await?;
            return Ok(answer::json(output.to_string().into(), Some(&head.headers)));
        }
        let came = body::read(&self.options, &head.headers, body).await?;
        let arguments = served.takes.read_body(&path, came).map_err(refused)?;
        let output = self.call(served, request, arguments).await?;
        Ok(answer::json(output.to_string().into(), None))
    }

    async fn call(&self, served: &Served, request: &AdmittedRequest, arguments: Value) -> Result<Value, Problem> {
        let (operations, who) = (&self.api.operations, &request.who);
        let output = match served.kind {
            Kind::Query => operations.query(who, served.name, arguments).await,
            Kind::Mutation => {
                let now = operations.world().now();
                let replay = replay::of(&request.head.headers, who, request.origin, now)?;
                operations.mutation(who, served.name, &arguments, replay).await.map(|committed| committed.output)
            }
            Kind::Action => {
                replay::refuse(&request.head.headers)?;
                operations.action(who, served.name, &arguments).await
            }
        };
        output.map_err(refused)
    }
}

/// A request that was parsed and is invalid has the status 422; one that cannot be parsed has 400.
fn refused(error: Error) -> Problem {
    if error.code == Code::BadRequest || error.tag == "request_reused" {
        return Problem::with_status(StatusCode::UNPROCESSABLE_ENTITY, error);
    }
    error.into()
}
