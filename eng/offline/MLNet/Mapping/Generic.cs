using System.Reflection;

namespace Microsoft.ML;

/// <summary>Calls a generic method whose type arguments are known only at run time.</summary>
internal static class Generic
{
    internal static object Call(object target, Type declaring, string method, Type[] types, params object[] arguments)
    {
        const BindingFlags Any = BindingFlags.Static | BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public;
        return declaring.GetMethod(method, Any).MakeGenericMethod(types)
            .Invoke(target, BindingFlags.DoNotWrapExceptions, null, arguments, null);
    }
}
