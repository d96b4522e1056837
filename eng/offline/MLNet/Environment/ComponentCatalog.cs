using System.Reflection;

namespace Microsoft.ML.Runtime
{
    /// <summary>Classes that a loaded model asks for by contract name.</summary>
    public sealed class ComponentCatalog
    {
        private readonly HashSet<string> _assemblies = [];
        private readonly Dictionary<(Type Attribute, string Contract), Type> _extensions = [];
        private readonly Lock _lock = new();

        internal ComponentCatalog()
        {
        }

        public void RegisterAssembly(Assembly assembly, bool throwOnError = true)
        {
            lock (_lock)
            {
                if (!_assemblies.Add(assembly.FullName))
                    return;
                foreach (var type in assembly.GetTypes().Where(type => type is { IsClass: true, IsAbstract: false }))
                {
                    foreach (var attribute in type.GetCustomAttributes<ExtensionBaseAttribute>())
                    {
                        bool added = _extensions.TryAdd((attribute.GetType(), attribute.ContractName), type);
                        Check.State(added || !throwOnError, 
                            $"Contract '{attribute.ContractName}' of {attribute.GetType().Name} is taken by another class.");
                    }
                }
            }
        }

        internal object CreateExtension(Type attribute, string contract)
        {
            Type type;
            lock (_lock)
                _extensions.TryGetValue((attribute, contract), out type);
            Check.State(type != null, $"No class is known for contract '{contract}': " +
                $"{nameof(RegisterAssembly)} takes the assembly of one that bears {attribute.Name}.");
            return Activator.CreateInstance(type);
        }
    }
}

namespace Microsoft.ML
{
    [AttributeUsage(AttributeTargets.Class)]
    public abstract class ExtensionBaseAttribute : Attribute
    {
        private protected ExtensionBaseAttribute(string contractName) => ContractName = contractName;

        public string ContractName { get; }
    }
}
