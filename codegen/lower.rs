//! The schemas of the spec -> types with names. Every object, enum and union gets one, those that stand inside of
//! others too; what is left is text, numbers, lists and maps. So progenitor only has to make structs of plain fields.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::docs::markdown;
use super::examples::LeftOut;
use super::model::{Enum, Field, Struct, Type, Union, Variant};
use super::names::{self, Names, pascal, snake};
use super::spec::{Operation, SCHEMAS, components, entries, flag, follow, list, only_member, resolve, text};
use super::tables::{Length, length};
use super::unions::{self, Member};
use super::usage;

/// Nobody nests schemas deeper than this, unless they nest without end.
const DEEPEST: u32 = 50;

/// Whether requests carry a value, and whether responses do.
#[derive(Clone, Copy, Default)]
struct Way {
    request: bool,
    response: bool,
}

/// A type, and whether the value may also be null.
#[derive(Clone)]
struct Lowered {
    ty: Type,
    nullable: bool,
}

impl Lowered {
    /// In a list or map.
    fn part(self) -> Box<Type> {
        Box::new(if self.nullable { Type::Nullable(Box::new(self.ty)) } else { self.ty })
    }
}

/// The types, as far as they were asked for.
pub struct Types<'a> {
    spec: &'a Value,
    names: Names,
    /// The component schemas that have a type of their own, with its name.
    components: BTreeMap<&'a str, String>,
    /// The other ones.
    plain: BTreeMap<&'a str, Lowered>,
    requests: BTreeSet<&'a str>,
    /// By component, the property that tells it apart from others, where it is used in no other way.
    tags: BTreeMap<&'a str, &'a str>,
    responses: BTreeSet<&'a str>,
    left_out: LeftOut,
    /// What is worth a word to the maintainer.
    pub notes: Vec<String>,
    /// What is lowered right now is part of these.
    way: Way,
    /// How deep it stands inside of others.
    depth: u32,
    pub structs: BTreeMap<String, Struct>,
    pub enums: BTreeMap<String, Enum>,
    pub unions: BTreeMap<String, Union>,
    pub lengths: Vec<Length>,
}

impl<'a> Types<'a> {
    /// The types of all components.
    pub fn new(spec: &'a Value, operations: &[Operation<'a>]) -> Result<Self, String> {
        let mut types = Self {
            spec,
            names: Names::default(),
            components: BTreeMap::new(),
            plain: BTreeMap::new(),
            requests: usage::requests(spec, operations),
            responses: usage::responses(spec, operations),
            tags: usage::tags(spec),
            left_out: LeftOut::of(spec),
            notes: Vec::new(),
            way: Way::default(),
            depth: 0,
            structs: BTreeMap::new(),
            enums: BTreeMap::new(),
            unions: BTreeMap::new(),
            lengths: Vec::new(),
        };
        let about = |name: &str, reason: String| format!("components.schemas.{name}: {reason}");
        let (named, plain): (Vec<_>, Vec<_>) = components(spec, "schemas").partition(|(_, schema)| is_named(schema));
        for (name, _) in &named {
            let rust = pascal(name).and_then(|rust| types.names.claim(&rust).map(|()| rust));
            types.components.insert(name, rust.map_err(|reason| about(name, reason))?);
        }
        // What has no type of its own comes first: if it can't be generated, that is said of it, and not where it's used.
        for (name, schema) in plain {
            // Another one may have led to it already.
            if !types.plain.contains_key(name.as_str()) {
                types.plain(schema, name).map_err(|reason| about(name, reason))?;
            }
        }
        for (name, schema) in named {
            types.way = types.way_of(name);
            let rust = types.components.get(name.as_str()).cloned().unwrap_or_default();
            let tag = types.tag(name);
            types.define(&rust, schema, tag).map_err(|reason| about(name, reason))?;
        }
        types.box_cycles();
        Ok(types)
    }

    /// The type of a schema that stands in an operation. If it needs a name, it gets one that begins with `name`.
    pub fn of(&mut self, schema: &'a Value, name: &str, request: bool) -> Result<Type, String> {
        self.way = Way { request, response: !request };
        self.lower(schema, name).map(|lowered| *lowered.part())
    }

    /// The property that this component leaves to its union.
    fn tag(&self, component: &str) -> Option<&'a str> {
        self.tags.get(component).copied()
    }

    fn way_of(&self, component: &str) -> Way {
        Way { request: self.requests.contains(component), response: self.responses.contains(component) }
    }

    /// A component without a type of its own.
    fn plain(&mut self, schema: &'a Value, component: &'a str) -> Result<Lowered, String> {
        let way = self.way;
        self.way = self.way_of(component);
        let lowered = self.lower(schema, component)?;
        self.way = way;
        self.plain.insert(component, lowered.clone());
        Ok(lowered)
    }

    /// `name` is for what has none yet.
    fn lower(&mut self, schema: &'a Value, name: &str) -> Result<Lowered, String> {
        if self.depth == DEEPEST {
            return Err("it has itself inside: give the schema inside a name in `components.schemas`".to_owned());
        }
        self.depth += 1;
        let lowered = self.lower_inside(schema, name);
        self.depth -= 1;
        lowered
    }

    fn lower_inside(&mut self, schema: &'a Value, name: &str) -> Result<Lowered, String> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = resolve(self.spec, schema);
            let component = reference.strip_prefix(SCHEMAS);
            let component = component.ok_or_else(|| format!("`$ref: '{reference}'` must be one of {SCHEMAS}"))?;
            if let Some(rust) = self.components.get(component) {
                return Ok(Lowered { ty: Type::Named(rust.clone()), nullable: flag(target, "nullable") });
            }
            if let Some(lowered) = self.plain.get(component) {
                return Ok(lowered.clone());
            }
            return self.plain(target, component);
        }
        let nullable = flag(schema, "nullable");
        if let Some(member) = only_member(schema) {
            let lowered = self.lower(member, name)?;
            return Ok(Lowered { nullable: nullable || lowered.nullable, ..lowered });
        }
        let ty = if is_named(schema) {
            let name = self.names.take(&pascal(name)?);
            self.define(&name, schema, None)?;
            Type::Named(name)
        } else {
            self.unnamed(schema, name)?
        };
        Ok(Lowered { ty, nullable })
    }

    /// What needs no name.
    fn unnamed(&mut self, schema: &'a Value, name: &str) -> Result<Type, String> {
        Ok(match (kind(schema)?, text(schema, "format")) {
            // Text of whatever format is text: what it is worth is the API's to say.
            ("string", _) => Type::Text,
            ("integer", "int32") => Type::Integer("i32"),
            ("integer", _) => Type::Integer("i64"),
            ("number", "float") => Type::Number("f32"),
            ("number", _) => Type::Number("f64"),
            ("boolean", _) => Type::Boolean,
            ("array", _) => match schema.get("items") {
                Some(items) => Type::List(self.lower(items, &format!("{name} item"))?.part()),
                None => Type::List(Box::new(Type::Any)),
            },
            ("object", _) => match schema.get("additionalProperties").filter(|values| values.is_object()) {
                Some(values) => Type::Map(self.lower(values, &format!("{name} value"))?.part()),
                None => Type::Map(Box::new(Type::Any)),
            },
            ("", _) => Type::Any,
            (other, _) => return Err(format!("`type: {other}` isn't one of OpenAPI 3.0")),
        })
    }

    /// `tag` is the property that its union has in its place.
    fn define(&mut self, name: &str, schema: &'a Value, tag: Option<&str>) -> Result<(), String> {
        if union_members(schema).is_some() {
            let union = self.union(name, schema)?;
            self.unions.insert(name.to_owned(), union);
        } else if schema.get("enum").is_some() {
            let (doc, deprecated) = described(schema);
            self.enums.insert(name.to_owned(), Enum { doc, values: values(schema)?, deprecated });
        } else {
            let object = self.object(name, schema, tag)?;
            self.structs.insert(name.to_owned(), object);
        }
        Ok(())
    }

    fn object(&mut self, name: &str, schema: &'a Value, tag: Option<&str>) -> Result<Struct, String> {
        if schema.get("discriminator").is_some() {
            return Err("`discriminator` needs `oneOf`: list there the schemas that it tells apart".to_owned());
        }
        let mut merged = Object::default();
        merged.add(self.spec, schema, &mut Vec::new())?;
        let Way { request, response } = self.way;
        let open = !request || response || merged.open;
        let mut names = Names::of(open.then_some("extra"));
        let mut fields = BTreeMap::new();
        let schema_of_object = schema;
        for (property, schema) in &merged.properties {
            if tag == Some(property) {
                continue;
            }
            let about = |reason| format!("properties.{property}: {reason}");
            let Lowered { ty, nullable } = self.lower(schema, &format!("{name} {property}")).map_err(about)?;
            if request {
                let (_, target) = follow(self.spec, schema);
                let (_, item) = follow(self.spec, target.get("items").unwrap_or(&Value::Null));
                let lengths = [length(name, property, target), length(name, &format!("{property}_item"), item)];
                lengths.into_iter().try_for_each(|length| self.keep(length?)).map_err(about)?;
            }
            let target = resolve(self.spec, schema);
            // What is only read is never sent, and the other way round.
            let one_way = request && flag(target, "readOnly") || !request && flag(target, "writeOnly");
            // A list that is missing is empty.
            let left_out = !request && !matches!(ty, Type::List(_)) && self.left_out.has(schema_of_object, property);
            let is_required = merged.required.contains(property) && !one_way && !left_out;
            if left_out {
                let note = "is required, and an example lacks it: it is optional in Rust";
                self.notes.push(format!("{name}.{property} {note}"));
            }
            // What a type is says its own documentation.
            let (doc, deprecated) = described(if matches!(ty, Type::Named(_)) { schema } else { target });
            let name = names.take(&snake(property).map_err(about)?);
            fields.insert(property.clone(), Field { name, doc, ty, required: is_required, nullable, deprecated });
        }
        for unknown in merged.required.iter().filter(|property| !merged.properties.contains_key(*property)) {
            if request {
                return Err(format!("`required` names `{unknown}`, which isn't in `properties`"));
            }
            self.notes.push(format!("{name}.{unknown} is required, and isn't in `properties`"));
        }
        let (doc, deprecated) = described(schema);
        Ok(Struct { name: name.to_owned(), fields, request, response, open, doc, deprecated })
    }

    fn union(&mut self, name: &str, schema: &'a Value) -> Result<Union, String> {
        let tag = unions::tag(schema).ok_or_else(|| {
            "`oneOf` and `anyOf` need a `discriminator` with a `propertyName`, which tells the members apart".to_owned()
        })?;
        let besides = ["properties", "allOf", "anyOf"].into_iter().find(|key| schema.get(key).is_some());
        if let Some(key) = besides.filter(|key| *key != "anyOf" || schema.get("oneOf").is_some()) {
            return Err(format!("`{key}` beside `oneOf` or `anyOf` can't be generated: move it into the members"));
        }
        let (mut names, mut variants, mut told) = (Names::of(["Unknown"]), Vec::<Variant>::new(), false);
        for Member { name: member, schema, target, tag: property, values } in unions::members(self.spec, schema)? {
            let about = |reason: String| {
                let member = if member.is_empty() { "without a name" } else { member };
                format!("the member {member}: {reason}")
            };
            if union_members(target).is_some() {
                return Err(about("it is a union itself: list its members here".to_owned()));
            }
            if !is_named(target) || target.get("enum").is_some() {
                return Err(about("only objects with `properties` can be told apart".to_owned()));
            }
            if property.is_some_and(|property| text(property, "type") != "string") {
                return Err(about(format!("its `{tag}` must be text")));
            }
            told |= property.is_some();
            let first = values.first().ok_or_else(|| about(format!("no value of `{tag}` stands for it")))?;
            let component = follow(self.spec, schema).0.unwrap_or(member);
            let (ty, keeps_tag) = if let Some(ty) = self.components.get(component) {
                (ty.clone(), property.is_some() && self.tag(component) != Some(tag))
            } else if schema.get("$ref").is_none() {
                let name = self.names.take(&pascal(&format!("{name} {first}"))?);
                self.define(&name, target, Some(tag)).map_err(about)?;
                (name, false)
            } else if let Type::Named(ty) = self.lower(schema, member).map_err(about)?.ty {
                (ty, property.is_some())
            } else {
                return Err(about("only objects with `properties` can be told apart".to_owned()));
            };
            for value in values {
                if variants.iter().any(|variant| variant.value == value) {
                    return Err(about(format!("`{tag}: {value}` stands for another member too")));
                }
                let name = names.take(&variant(value).map_err(about)?);
                variants.push(Variant { value: value.to_owned(), name, ty: ty.clone(), keeps_tag, boxed: false });
            }
        }
        if !told {
            return Err(format!("`discriminator`: no member has the property `{tag}`"));
        }
        let (doc, deprecated) = described(schema);
        Ok(Union { doc, tag: tag.to_owned(), variants, deprecated })
    }

    /// A struct that holds the union which it is a variant of has no size; boxed, it has.
    fn box_cycles(&mut self) {
        let holds = |(name, union): (&String, &Union)| -> Vec<bool> {
            union.variants.iter().map(|variant| self.holds(&variant.ty, name)).collect()
        };
        let boxed: Vec<Vec<bool>> = self.unions.iter().map(holds).collect();
        for (union, boxed) in self.unions.values_mut().zip(boxed) {
            union.variants.iter_mut().zip(boxed).for_each(|(variant, boxed)| variant.boxed = boxed);
        }
    }

    /// Whether a value of this type holds one of the other, and not just in a list or map.
    pub fn holds(&self, name: &str, other: &str) -> bool {
        self.holds_unseen(name, other, &mut BTreeSet::new())
    }

    fn holds_unseen(&self, name: &str, other: &str, seen: &mut BTreeSet<String>) -> bool {
        if name == other {
            return true;
        }
        if !seen.insert(name.to_owned()) {
            return false;
        }
        let fields = self.structs.get(name).into_iter().flat_map(|object| object.fields.values());
        let fields = fields.filter_map(|field| match &field.ty {
            Type::Named(name) => Some(name),
            _ => None,
        });
        let variants = self.unions.get(name).into_iter().flat_map(|union| &union.variants).map(|variant| &variant.ty);
        fields.chain(variants).any(|part| self.holds_unseen(part, other, seen))
    }

    /// The schemas that progenitor makes structs of. It takes enums and unions for types that are there already.
    pub fn document(&self) -> Value {
        let structs = self.structs.iter().map(|(name, object)| (name.clone(), object.schema()));
        let others = self.others().map(|name| (name.clone(), json!({})));
        let schemas: Map<String, Value> = structs.chain(others).collect();
        let info = json!({ "title": "schemas", "version": "0" });
        json!({ "openapi": "3.0.3", "info": info, "paths": {}, "components": { "schemas": schemas } })
    }

    pub fn others(&self) -> impl Iterator<Item = &String> {
        self.enums.keys().chain(self.unions.keys())
    }

    /// Keeps the length of an operation's parameter. One of `components.parameters` goes by its name there.
    pub fn parameter_length(&mut self, operation: &str, parameter: &str, schema: &'a Value) -> Result<(), String> {
        let shared = components(self.spec, "parameters")
            .find(|(_, it)| it.get("schema").is_some_and(|it| std::ptr::eq(it, schema)));
        let schema = resolve(self.spec, schema);
        let found = match shared {
            Some((name, _)) => length(name, "", schema)?,
            None => length(operation, parameter, schema)?,
        };
        self.keep(found)
    }

    fn keep(&mut self, length: Option<Length>) -> Result<(), String> {
        let Some(length) = length else { return Ok(()) };
        match self.lengths.iter().find(|known| known.name == length.name) {
            Some(known) if *known != length => {
                Err(format!("`{}` is the name of another length: rename it", length.name))
            }
            Some(_) => Ok(()),
            None => {
                self.lengths.push(length);
                Ok(())
            }
        }
    }

    /// The object of this type, if it is one of responses alone: it keeps what the spec doesn't know.
    pub fn response(&self, ty: Option<&Type>) -> Option<&Struct> {
        match ty {
            Some(Type::Named(name)) => self.structs.get(name).filter(|object| !object.request),
            _ => None,
        }
    }

    /// Text, a number or an enum.
    pub fn is_word(&self, ty: &Type) -> bool {
        match ty {
            Type::Text | Type::Integer(_) | Type::Number(_) | Type::Boolean => true,
            Type::Named(name) => self.enums.contains_key(name),
            Type::List(_) | Type::Map(_) | Type::Nullable(_) | Type::Any => false,
        }
    }

    /// An object that a form can carry.
    pub fn is_flat(&self, ty: &Type) -> bool {
        let is_field = |ty: &Type| match ty {
            Type::List(item) => self.is_word(item),
            ty => self.is_word(ty),
        };
        let is_struct =
            |name: &String| self.structs.get(name).is_some_and(|it| it.fields.values().all(|it| is_field(&it.ty)));
        match ty {
            Type::Map(value) => is_field(value),
            Type::Named(name) => match self.unions.get(name) {
                Some(union) => union.variants.iter().all(|variant| is_struct(&variant.ty)),
                None => is_struct(name),
            },
            _ => false,
        }
    }

    /// A name that no type has.
    pub fn name(&mut self, wanted: &str) -> Result<String, String> {
        Ok(self.names.take(&pascal(wanted)?))
    }
}

/// An object, with those that `allOf` adds to it.
#[derive(Default)]
pub struct Object<'a> {
    pub properties: BTreeMap<String, &'a Value>,
    pub required: BTreeSet<String>,
    /// What is part of it already.
    done: BTreeSet<&'a str>,
    /// It says that there may be more properties.
    open: bool,
}

impl<'a> Object<'a> {
    pub fn add(&mut self, spec: &'a Value, schema: &'a Value, seen: &mut Vec<&'a str>) -> Result<(), String> {
        let reference = schema.get("$ref").and_then(Value::as_str);
        if let Some(reference) = reference {
            if self.done.contains(reference) {
                return Ok(());
            }
            if seen.contains(&reference) {
                return Err(format!("`allOf` with `$ref: '{reference}'` leads back to itself"));
            }
            seen.push(reference);
        }
        let schema = resolve(spec, schema);
        if union_members(schema).is_some() || !matches!(kind(schema)?, "object" | "") {
            return Err("an object with `properties` or `allOf` can only have the `type: object`".to_owned());
        }
        for (name, property) in entries(schema, "properties") {
            if self.properties.insert(name.clone(), property).is_some_and(|other| other != property) {
                return Err(format!("`allOf` has two schemas for the property `{name}`: leave one of them out"));
            }
        }
        self.required.extend(list(schema, "required").filter_map(|name| name.as_str().map(str::to_owned)));
        let additional = schema.get("additionalProperties");
        self.open |= additional.is_some_and(|additional| *additional != json!(false));
        list(schema, "allOf").try_for_each(|member| self.add(spec, member, seen))?;
        if let Some(reference) = reference {
            seen.pop();
            self.done.insert(reference);
        }
        Ok(())
    }
}

/// Whether this is an object, an enum or a union, which need a name in Rust.
fn is_named(schema: &Value) -> bool {
    let has = |key: &str| schema.get(key).is_some();
    !has("$ref")
        && only_member(schema).is_none()
        && (has("properties")
            || has("oneOf")
            || has("anyOf")
            || has("allOf")
            || has("enum") && matches!(text(schema, "type"), "string" | ""))
}

/// Its documentation, and whether it is deprecated.
fn described(schema: &Value) -> (String, bool) {
    (markdown(text(schema, "description")), flag(schema, "deprecated"))
}

fn union_members(schema: &Value) -> Option<Vec<&Value>> {
    let key = ["oneOf", "anyOf"].into_iter().find(|key| schema.get(key).is_some())?;
    Some(list(schema, key).collect())
}

/// The `type`, or what the other keywords say of it.
fn kind(schema: &Value) -> Result<&str, String> {
    if schema.get("not").is_some() {
        return Err("`not` can't be generated: say what it is instead".to_owned());
    }
    let implied = || {
        let of = [("properties", "object"), ("additionalProperties", "object"), ("items", "array")];
        of.into_iter().find(|(key, _)| schema.get(key).is_some()).map_or("", |(_, kind)| kind)
    };
    Ok(schema.get("type").and_then(Value::as_str).unwrap_or_else(implied))
}

fn values(schema: &Value) -> Result<Vec<(String, String)>, String> {
    let (mut names, mut values) = (Names::of(["Unknown"]), Vec::<(String, String)>::new());
    for value in list(schema, "enum").filter(|value| !value.is_null()) {
        let text = value.as_str().ok_or_else(|| {
            format!("`enum` value `{value}` must be text: put it in quotes, or say what `type` it has")
        })?;
        if !values.iter().any(|(known, _)| known == text) {
            let name = variant(text).map_err(|reason| format!("`enum` value: {reason}"))?;
            values.push((text.to_owned(), names.take(&name)));
        }
    }
    Ok(values)
}

/// The name of a variant. `Unknown` is that of what isn't listed.
fn variant(value: &str) -> Result<String, String> {
    match names::variant(value)? {
        name if name == "Unknown" => Ok("UnknownValue".to_owned()),
        name => Ok(name),
    }
}
