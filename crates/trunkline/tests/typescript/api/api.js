// Made by `trunkline codegen typescript`: do not edit.
import { anyApi } from "convex/server";

export const api = anyApi;
