namespace Microsoft.ML.Data;

/// <summary>Getters whose value type is known only at run time.</summary>
internal static class Getters
{
    internal static ValueGetter<TValue> Typed<TValue>(Delegate getter, string column) => getter as ValueGetter<TValue>
        ?? throw new InvalidOperationException(
            $"Column '{column}' gives values of type {getter.GetType().GetGenericArguments()[0]}, not {typeof(TValue)}.");

    internal static Delegate Untyped(DataViewRow row, DataViewSchema.Column column) =>
        (Delegate)Generic.Call(row, typeof(DataViewRow), nameof(DataViewRow.GetGetter), [column.Type.RawType], column);
}
